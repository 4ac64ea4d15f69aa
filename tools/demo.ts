import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { createPool } from '#libs/platform';
import { createSource, createWriteKey } from '#libs/sources';
import { defaultFormEvents } from '#libs/sources/domain';
import { createApiKey } from '../apps/api/src/access/api-key.store.js';
import { AlertSink } from './demo/alert-sink.js';
import { ApiClient } from './demo/api-client.js';
import { Claims } from './demo/checks.js';
import { cardEvent } from './demo/golden-story.js';
import { playGolden } from './demo/play-golden.js';
import { playHistory, playLive, type Stage } from './demo/play.js';
import { checkTheStory, tellTheStory } from './demo/story.js';
import { dockerAnswers } from './services/docker.js';
import { kafkaMissing, redisMissing } from './services/kafka-programs.js';
import { partLabel, type SetName } from './services/service-set.js';
import { ServiceError } from './services/index.js';
import { progressLines } from './services/progress-lines.js';
import { startSystem, type System } from './supervisor/system.js';

const { values } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    embedded: { type: 'boolean', default: false },
    visitors: { type: 'string', default: '60' },
    weeks: { type: 'string', default: '6' },
    seed: { type: 'string', default: '7' },
    rate: { type: 'string' },
    story: { type: 'string', default: 'whole' },
  },
});

if (!['whole', 'golden'].includes(values.story)) {
  process.stderr.write(`There is no story ${values.story}: --story whole (the default) or golden\n`);
  process.exit(2);
}

const started = performance.now();
const print = (text: string) => void process.stdout.write(`${text}\n`);
const progress = progressLines((text) => void process.stdout.write(text));
const claims = new Claims(print);
const run = Date.now().toString(36);
const secret = `whsec_${randomBytes(24).toString('base64')}`;

const asked = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => asked.abort());

let system: System | undefined;
let sink: AlertSink | undefined;
try {
  print(pc.bold('\nLeadfold: from a visitor’s click to a mail and an alert\n'));
  sink = await AlertSink.start(secret);
  system = await startSystem({
    set: await demoSet(),
    embedded: values.embedded,
    progress,
    signal: asked.signal,
    env: { LOG_LEVEL: 'warn' },
    appEnv: {
      worker: {
        ALERT_WEBHOOK_URL: `${sink.url}/alerts`,
        ALERT_WEBHOOK_SECRETS: secret,
        ALERT_SLACK_WEBHOOK_URL: `${sink.url}/slack`,
        ALERT_EMAIL_TO: 'sales@kazahaya.example',
        ALERT_LOCALE: 'ja',
        OUTBOUND_ALLOW: '127.0.0.1',
        SENDER_NAME: 'Kazahaya Software',
        SENDER_ADDRESS: '1-1-1 Marunouchi, Chiyoda-ku, Tokyo',
        SITE_URL: 'https://www.kazahaya.example',
        // the audience is watching now: mails do not wait for office hours
        NURTURE_QUIET_HOURS: 'off',
      },
    },
  });
  await Promise.race([play(system, sink), system.failure]);
} catch (error) {
  if (asked.signal.aborted) print('\nStopped.');
  else {
    process.stderr.write(`\n${error instanceof ServiceError ? error.message : (error as Error).stack}\n`);
    process.exitCode = 1;
  }
}
await system?.stop();
await sink?.stop();
process.exit();

/** A set's mode is recorded for good, so the demo without Kafka or Redis has a set of its own beside the full one. */
async function demoSet(): Promise<SetName> {
  if (values.embedded) return 'demo-embedded';
  const given = (name: string) => Boolean(process.env[name]);
  if ((given('KAFKA_BROKERS') && given('REDIS_URL')) || (await dockerAnswers())) return 'demo';
  const missing =
    (given('KAFKA_BROKERS') ? undefined : await kafkaMissing()) ??
    (given('REDIS_URL') ? undefined : await redisMissing());
  return missing === undefined ? 'demo' : 'demo-embedded';
}

async function play(running: System, alerts: AlertSink): Promise<void> {
  const { services } = running;
  for (const { part, reason, remedy } of services.missing) {
    progress.warn(partLabel[part], `is missing (${reason}): PostgreSQL does its work (embedded mode)`);
    progress.warn('', `for the full mode: ${remedy}`);
  }
  const mode = services.mode.eventLog === 'kafka' ? 'Kafka' : 'PostgreSQL (embedded)';
  progress.line(
    'mode',
    `event log on ${mode}, job queue on ${services.mode.jobQueue === 'redis' ? 'Redis' : 'PostgreSQL (embedded)'}`,
  );
  const stage = await setStage(running, alerts);
  if (values.story === 'golden') await playGolden(stage, run);
  else await playWhole(stage, running);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (claims.failed.length) {
    print(pc.red(`\n${claims.failed.length} of the demo’s claims did not hold (${seconds} s).`));
    process.exitCode = 1;
  } else print(pc.green(`\nEverything the demo claims was checked and holds (${seconds} s).`));
  if (!values.keep) return print(pc.dim('npm run demo -- --keep leaves it running, to look around.'));
  print('\nRunning until Ctrl-C.');
  await new Promise<void>((resolve) => asked.signal.addEventListener('abort', () => resolve()));
}

async function playWhole(stage: Stage, running: System): Promise<void> {
  print(pc.bold('\n1  Six weeks of visitors, with their original times, through the Segment SDK'));
  const events = await playHistory(
    stage,
    {
      seed: Number(values.seed),
      visitors: Number(values.visitors),
      weeks: Number(values.weeks),
      ...(values.rate ? { rate: Number(values.rate) } : {}),
    },
    Date.now(),
  );
  print(pc.bold('\n2  One of them, live'));
  const live = await playLive(stage, run);
  await checkTheStory(stage, running.services.mailboxUrl, live, events);
  await tellTheStory(stage, running, live);
}

async function setStage(running: System, alerts: AlertSink): Promise<Stage> {
  const pool = createPool(
    { url: running.services.databaseUrl, applicationName: 'leadfold-demo', max: 1 },
    () => undefined,
  );
  try {
    const source = `demo-${run}`;
    await createSource(pool, {
      id: source,
      name: 'Kazahaya Software, corporate site',
      settings: { formEvents: [...defaultFormEvents, cardEvent] },
      actor: 'demo',
    });
    const { key: writeKey } = await createWriteKey(pool, { source, actor: 'demo' });
    const { key } = await createApiKey(pool, { name: `demo ${run}`, role: 'admin', actor: 'demo' });
    await collectorKnows(running.collectorUrl, writeKey);
    return {
      api: new ApiClient(running.apiUrl, key),
      apiKey: key,
      collectorUrl: running.collectorUrl,
      writeKey,
      source,
      sink: alerts,
      claims,
      progress,
      print,
    };
  } finally {
    await pool.end();
  }
}

/** Collectors read new keys within seconds; the settings route says when. */
async function collectorKnows(url: string, writeKey: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await fetch(`${url}/v1/projects/${writeKey}/settings`)).ok) {
    if (performance.now() > deadline) throw new Error('The collector did not learn the new write key within 15 s.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
