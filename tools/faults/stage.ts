import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createEventLog, eventLogConfig, type EventLog } from '#libs/event-log';
import { createLogger, createPool, parseConfig, type Pool } from '#libs/platform';
import { createSource, createWriteKey } from '#libs/sources';
import { createApiKey } from '../../apps/api/src/access/api-key.store.js';
import { resetServices, serviceSet, type SetName } from '../services/index.js';
import type { ProgressLines } from '../services/progress-lines.js';
import { clearPrevious, startSystem, type System, type SystemOptions } from '../supervisor/system.js';
import { Outside } from './outside.js';

export interface Stage {
  system: System;
  outside: Outside;
  pool: Pool;
  eventLog: EventLog;
  source: string;
  writeKey: string;
  apiKey: string;
  /** What the apps logged at error level, by app. */
  errors: Map<string, string[]>;
  stop(): Promise<void>;
}

export interface StageOptions extends Pick<SystemOptions, 'embedded' | 'instances' | 'signal'> {
  set: SetName;
  progress: ProgressLines;
  env?: Record<string, string>;
}

/** The whole system on services of its own, an outside world that remembers, and the keys to speak to it. */
export async function setStage(options: StageOptions): Promise<Stage> {
  // a reset must not pull the services from under somebody's run
  await clearPrevious(options.set);
  await resetServices(options.set);
  const outside = await new Outside().start();
  const errors = new Map<string, string[]>();
  const system = await startSystem({
    ...options,
    env: {
      COLLECTOR_CACHE_DIR: path.join(serviceSet(options.set).folder, 'collector'),
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
      ...options.env,
    },
    appEnv: {
      worker: {
        ...outside.env,
        SENDER_NAME: 'Faults',
        SENDER_ADDRESS: '1-1-1 Marunouchi, Chiyoda-ku, Tokyo',
        NURTURE_QUIET_HOURS: 'off',
        MAIL_PER_DAY: '1000',
        MAIL_PER_WEEK: '1000',
        WORKER_LEASE_SECONDS: '10',
      },
    },
    onLine: (name, line) => {
      if (/"level":(50|60)|"level":"(error|fatal)"|^\s*(TypeError|ReferenceError|Error):/.test(line))
        errors.set(name, [...(errors.get(name) ?? []), line]);
      if (process.env['SHOW_LINES']) process.stderr.write(`${name}: ${line}\n`);
    },
  }).catch(async (error: unknown) => {
    await outside.stop();
    throw error;
  });
  const log = createLogger('faults', 'silent');
  const pool = createPool(
    { url: system.services.databaseUrl, applicationName: 'leadfold-faults', max: 3, statementTimeoutMs: 120_000 },
    () => undefined,
  );
  const eventLog = createEventLog(
    parseConfig(z.object({ DATABASE_URL: z.string(), ...eventLogConfig.shape }), { ...process.env, ...system.env }),
    log,
  );
  const stop = async () => {
    await system.stop();
    await eventLog.close();
    await pool.end();
    await outside.stop();
  };
  try {
    const source = `faults-${Date.now().toString(36)}`;
    await createSource(pool, { id: source, name: 'Fault run', actor: 'faults' });
    const { key: writeKey } = await createWriteKey(pool, { source, actor: 'faults' });
    const { key: apiKey } = await createApiKey(pool, { name: source, role: 'admin', actor: 'faults' });
    await collectorKnows(system.collectorUrl, writeKey);
    return { system, outside, pool, eventLog, source, writeKey, apiKey, errors, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Collectors read new keys within seconds; the settings route says when. */
async function collectorKnows(url: string, writeKey: string): Promise<void> {
  for (const deadline = performance.now() + 15_000; ; await sleep(100)) {
    const answer = await fetch(`${url}/v1/projects/${writeKey}/settings`);
    await answer.arrayBuffer();
    if (answer.ok) return;
    if (performance.now() > deadline) throw new Error('The collector did not learn the new write key within 15 s.');
  }
}
