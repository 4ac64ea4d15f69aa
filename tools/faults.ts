import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { Findings } from './faults/findings.js';
import { measureAlertLatency } from './faults/latency.js';
import { reportRun } from './faults/report.js';
import { faultRun } from './faults/run.js';
import { setStage, type Stage } from './faults/stage.js';
import { ServiceError } from './services/index.js';
import { progressLines, seconds } from './services/progress-lines.js';

// npm run faults [-- --short | --long | --latency] [--seed N] [--events N] [--leads N] [--kills N]
const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    latency: { type: 'boolean', default: false },
    seed: { type: 'string' },
    events: { type: 'string' },
    leads: { type: 'string' },
    kills: { type: 'string' },
  },
});

// Redis is away for ten minutes only in the long run (I20)
const size = values.short
  ? { events: 4_000, leads: 250, kills: 2, redisAwayMs: 10_000 }
  : values.long
    ? { events: 60_000, leads: 2_000, kills: 15, redisAwayMs: 600_000 }
    : { events: 20_000, leads: 1_000, kills: 5, redisAwayMs: 15_000 };
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const started = performance.now();
const print = (text: string) => void process.stdout.write(`${text}\n`);
const progress = progressLines((text) => void process.stdout.write(text));
const findings = new Findings(print);

const asked = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.abort());

let stage: Stage | undefined;
try {
  print(pc.bold(`\nLeadfold under faults (seed ${seed})\n`));
  stage = await setStage({ set: 'faults', progress, signal: asked.signal });
  if (stage.system.services.mode.eventLog !== 'kafka' || stage.system.services.mode.jobQueue !== 'redis')
    throw new ServiceError(
      'A fault run strikes a real Kafka and a real Redis.',
      stage.system.services.missing.map(({ remedy }) => remedy).join('; '),
    );
  if (values.latency) await measureAlertLatency(stage, progress, findings, asked.signal);
  else await strike(stage);
} catch (error) {
  process.stderr.write(`\n${error instanceof ServiceError ? error.message : (error as Error).stack}\n`);
  findings.check(
    'the run came to its end',
    false,
    asked.signal.aborted ? 'stopped by a signal' : (error as Error).message,
  );
}
await stage?.stop();

const { all, broken } = findings;
print(`\n${all.length - broken.length} promises held, ${broken.length} broken; ${seconds(started)}, seed ${seed}`);
for (const { name, seen } of broken) print(pc.red(`  ✗ ${name}: ${seen}`));
if (broken.length)
  print(
    `\nThe same run again: npm run faults -- --seed ${seed}${values.short ? ' --short' : values.long ? ' --long' : ''}`,
  );
process.exit(broken.length ? 1 : 0);

async function strike(running: Stage): Promise<void> {
  const report = await faultRun(running, {
    seed,
    events: Number(values.events ?? size.events),
    leads: Number(values.leads ?? size.leads),
    killsPerApp: Number(values.kills ?? size.kills),
    pauseMs: [800, 4_000],
    redisAwayMs: size.redisAwayMs,
    progress,
    findings,
    signal: asked.signal,
  });
  reportRun(report, running, print);
}
