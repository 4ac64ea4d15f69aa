import pg from 'pg';
import { assertMode } from '#libs/event-log';
import { assertQueueMode } from '#libs/job-queue';
import type { ensureServices as Ensure, Part, ServiceOptions, Services } from '../services/index.js';
import { remedyFor, ServiceError } from '../services/index.js';

export type Mode = Services['mode'];

/**
 * What was recorded at the first start decides; before that, what is asked for, else what this machine has. A machine
 * that got Java later goes on embedded until somebody changes the mode.
 */
export async function chooseServices(
  options: Omit<ServiceOptions, 'parts'>,
  ensureServices: typeof Ensure,
): Promise<Services> {
  const first = await ensureServices({ ...options, parts: ['postgres', 'mail'] });
  try {
    const recorded = await readMode(first.databaseUrl);
    const asked: Partial<Mode> = {
      eventLog: options.embedded ? 'postgres' : (process.env['EVENT_LOG'] as Mode['eventLog'] | undefined),
      jobQueue: options.embedded ? 'postgres' : (process.env['JOB_QUEUE'] as Mode['jobQueue'] | undefined),
    };
    refuseChange(recorded, asked);
    const wanted = { ...asked, ...recorded };
    const more: Part[] = [];
    if (wanted.eventLog !== 'postgres') more.push('kafka');
    if (wanted.jobQueue !== 'postgres') more.push('redis');
    const rest = more.length ? await ensureServices({ ...options, embedded: false, parts: more }) : undefined;
    const all: Services = {
      ...first,
      kafkaBrokers: rest?.kafkaBrokers,
      redisUrl: rest?.redisUrl,
      mode: rest?.mode ?? { eventLog: 'postgres', jobQueue: 'postgres' },
      origins: { ...first.origins, ...rest?.origins },
      missing: rest?.missing ?? [],
      stop: async () => {
        await Promise.all([rest?.stop(), first.stop()]);
      },
    };
    for (const { part, reason } of all.missing) {
      const needed = part === 'kafka' ? wanted.eventLog === 'kafka' : wanted.jobQueue === 'redis';
      if (!needed) continue;
      await all.stop();
      throw new ServiceError(`This system runs in the full mode, but ${reason}.`, remedyFor(part));
    }
    return all;
  } catch (error) {
    await first.stop();
    throw error;
  }
}

function refuseChange(recorded: Partial<Mode>, asked: Partial<Mode>): void {
  for (const key of ['eventLog', 'jobQueue'] as const) {
    if (!recorded[key] || !asked[key] || recorded[key] === asked[key]) continue;
    const name = key === 'eventLog' ? 'EVENT_LOG' : 'JOB_QUEUE';
    throw new ServiceError(
      `This system was first started with ${name}=${recorded[key]}; it is not changed to ${asked[key]} by the way.`,
      `Start it as it was, or change it for good: npm run leadfold -- change-mode`,
    );
  }
}

/** Empty before the first start. */
export async function readMode(databaseUrl: string): Promise<Partial<Mode>> {
  return withClient(databaseUrl, async (client) => {
    const there = await client.query<{ there: boolean }>("select to_regclass('setting') is not null as there");
    if (!there.rows[0]?.there) return {};
    const rows = await client.query<{ key: string; value: string }>(
      "select key, value #>> '{}' as value from setting where key in ('event-log-mode', 'job-queue-mode')",
    );
    const value = (key: string) => rows.rows.find((row) => row.key === key)?.value;
    return {
      eventLog: value('event-log-mode') as Mode['eventLog'] | undefined,
      jobQueue: value('job-queue-mode') as Mode['jobQueue'] | undefined,
    };
  });
}

export async function recordMode(databaseUrl: string, mode: Mode): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await assertMode(client, mode.eventLog);
    await assertQueueMode(client, mode.jobQueue);
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
