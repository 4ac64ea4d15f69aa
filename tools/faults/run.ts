import { topics, type EventLog } from '#libs/event-log';
import { encodeEvent } from '#libs/leads/domain';
import { eventIdOf, newId } from '#libs/platform';
import { defaultSettings } from '#libs/projection';
import { Random } from '#tools/traffic/random';
import { breaker } from '../services/break.js';
import type { ProgressLines } from '../services/progress-lines.js';
import type { Findings } from './findings.js';
import { operate, type OperatorAccount } from './operators.js';
import { makePlan } from './plan.js';
import { untilQuiet } from './quiet.js';
import { Recorder } from './recorder.js';
import { planBlows, Schedule, type Blow, type Struck } from './schedule.js';
import { sendAll } from './senders.js';
import type { Stage } from './stage.js';
import { verifyDecisions } from './verify/decisions.js';
import { verifyDeliveries, type DeliveryCounts } from './verify/deliveries.js';
import { verifyIngest } from './verify/ingest.js';
import { verifyLeads } from './verify/leads.js';

export interface RunOptions {
  seed: number;
  leads: number;
  events: number;
  killsPerApp: number;
  /** Milliseconds between two blows, drawn from this range. */
  pauseMs: [number, number];
  redisAwayMs: number;
  /** Instead of the usual ones. */
  blows?: Blow[];
  /** Told when each blow began to be felt, on the clock of `performance.now()`; the next one waits for the answer. */
  afterBlow?: (since: number) => Promise<void>;
  progress: ProgressLines;
  findings: Findings;
  signal: AbortSignal;
}

export interface RunReport {
  struck: Struck;
  recorder: Recorder;
  operators: OperatorAccount;
  deliveries: DeliveryCounts;
  restarts: Record<string, number>;
  leads: number;
  crossings: number;
  loadSeconds: number;
}

const poisonCount = 12;

/** Load and blows at the same time, then calm, then every promise asked after. */
export async function faultRun(stage: Stage, options: RunOptions): Promise<RunReport> {
  const { system, outside, pool, eventLog } = stage;
  const { progress, findings, seed } = options;
  const tell = (text: string) => progress.line('', text);
  const random = new Random(seed);
  const plan = makePlan({ seed, leads: options.leads, events: options.events, duplicates: 0.1, outOfOrder: 0.1 });
  const blows =
    options.blows ??
    planBlows(random, { killsPerApp: options.killsPerApp, services: true, redisAwayMs: options.redisAwayMs });
  progress.line(
    'plan',
    `seed ${seed}: ${plan.distinct} events of ${options.leads} leads, ${plan.duplicates} duplicates, ${plan.outOfOrder} out of order; ${blows.length} blows`,
  );

  const poison = await putPoison(eventLog);
  const recorder = new Recorder();
  const operatorsStop = new AbortController();
  const since = performance.now();
  const schedule = new Schedule(
    blows,
    system,
    breaker('faults'),
    outside,
    random,
    (text) => (options.blows ? undefined : progress.warn('blow', text)),
    options.afterBlow,
  );
  let calm = false;
  let gone = 0;
  // slow enough that every blow falls into traffic; what is left then goes at full speed
  const rate = () => (calm ? 2_000 : Math.max(5, (plan.items.length - gone) / ((schedule.leftMs + 5_000) / 1_000)));
  let shown = 0;
  const load = sendAll(plan.items, {
    collectorUrl: system.collectorUrl,
    writeKey: stage.writeKey,
    senders: 6,
    rate,
    seed,
    recorder,
    signal: options.signal,
    onProgress: (sent) => {
      gone = sent;
      if (sent - shown < plan.items.length / 10) return;
      shown = sent;
      tell(
        `${sent} of ${plan.items.length} events sent, ${outside.mails.length} mails, ${outside.alerts.length} alerts so far`,
      );
    },
  });
  const acceptedEvents = () => recorder.acceptedIds().map((messageId) => eventIdOf(stage.source, messageId));
  const operators = whenAccepted(recorder).then(() =>
    operate({
      apiUrl: system.apiUrl,
      apiKey: stage.apiKey,
      seed: seed + 99,
      leads: options.leads,
      acceptedEvents,
      signal: AbortSignal.any([options.signal, operatorsStop.signal]),
    }),
  );
  let sentAtLastBlow = 0;
  await Promise.race([
    system.failure,
    Promise.all([
      load,
      schedule.run(options.pauseMs, options.signal).then(() => {
        sentAtLastBlow = recorder.byId.size;
        calm = true;
        operatorsStop.abort();
      }),
    ]),
  ]);
  const account = await operators;
  const loadSeconds = (performance.now() - since) / 1000;
  progress.line('calm', `everything is sent after ${loadSeconds.toFixed(0)} s; waiting until nothing is under way`);
  await system.ready(90_000);
  const busy = await untilQuiet(pool, eventLog, 240_000, tell);

  progress.line('verify', 'asking the record, the oracle and the outside world');
  findings.check('everything became quiet', busy === undefined, busy ? JSON.stringify(busy) : 'nothing under way');
  await verifyIngest({ pool, eventLog, source: stage.source, recorder, stated: account.accepted, poison }, findings);
  const leads = await verifyLeads(pool, defaultSettings, findings);
  const crossings = await verifyDecisions(pool, ['slack', 'email', 'webhook'], findings);
  const deliveries = await verifyDeliveries(pool, outside, schedule.struck, findings);
  checkUsefulness({ options, schedule, recorder, crossings, deliveries, leads, sentAtLastBlow, account });
  const restarts = Object.fromEntries([...system.apps].map(([name, app]) => [name, app.restarts]));
  return { struck: schedule.struck, recorder, operators: account, deliveries, restarts, leads, crossings, loadSeconds };
}

/** A run in which little happened proves little. */
function checkUsefulness(done: {
  options: RunOptions;
  schedule: Schedule;
  recorder: Recorder;
  crossings: number;
  deliveries: DeliveryCounts;
  leads: number;
  sentAtLastBlow: number;
  account: OperatorAccount;
}): void {
  const { options, schedule, recorder, crossings, deliveries, leads, account } = done;
  const { findings } = options;
  const { struck } = schedule;
  const least = (what: string, count: number, atLeast: number) =>
    findings.check(`useful: ${what}`, count >= atLeast, `${count}, at least ${atLeast}`);
  least('events accepted', recorder.acceptedIds().length, options.events);
  least('leads', leads, options.leads * 0.5);
  least('loud crossings', crossings, options.leads * 0.1);
  least('mails received', deliveries.mails, options.leads * 0.2);
  least('alerts sent', deliveries.alerts, options.leads * 0.3);
  least('facts stated through the api', account.accepted.length, 10);
  findings.check(
    'useful: the last blow fell into traffic',
    done.sentAtLastBlow < options.events,
    `after ${done.sentAtLastBlow} of ${options.events} ids`,
  );
  if (options.blows) return;
  for (const [app, kills] of Object.entries(struck.kills)) least(`kills of the ${app}`, kills, options.killsPerApp);
  least('PostgreSQL crashes', struck.postgresCrashes, 1);
  least('Kafka restarts', struck.kafkaRestarts, 1);
  least('FLUSHALL', struck.redisFlushes, 1);
  least('kills with a message past its hand-off', struck.killsPastHandOff, 1);
  least('seconds without Redis', struck.redisAwayMs / 1000, options.redisAwayMs / 1000);
}

/** Records that no projector can read: the rest of their batches must not suffer (I14). */
async function putPoison(eventLog: EventLog): Promise<string[]> {
  const now = Date.now();
  const ids = Array.from({ length: poisonCount }, () => newId());
  const records = ids.map((id, index) => {
    const key = `poison-${index}`;
    const record = encodeEvent(
      { id, type: 'track', source: 'poison', occurredAt: now, receivedAt: now, anonymousId: key, properties: {} },
      key,
    );
    return {
      topic: topics.events,
      ...record,
      value: index % 2 ? Buffer.from([0xff, 0xfe, 0x00, index]) : '{"properties":',
    };
  });
  const { acked, error } = await eventLog.append(records);
  if (!acked.every(Boolean)) throw new Error(`the poison was not taken: ${error?.message}`);
  return ids;
}

async function whenAccepted(recorder: Recorder): Promise<void> {
  while (recorder.acceptedIds().length < 50) await new Promise((resolve) => setTimeout(resolve, 100));
}
