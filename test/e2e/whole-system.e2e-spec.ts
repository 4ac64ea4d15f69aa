// needs: kafka redis
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { topics } from '#libs/event-log';
import { encodeEvent, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf, newId } from '#libs/platform';
import { defaultSettings } from '#libs/projection';
import { until } from '#test/until';
import { Findings } from '../../tools/faults/findings.js';
import { makePlan } from '../../tools/faults/plan.js';
import { howBusy, untilQuiet } from '../../tools/faults/quiet.js';
import { Recorder } from '../../tools/faults/recorder.js';
import { sendAll } from '../../tools/faults/senders.js';
import { setStage, type Stage } from '../../tools/faults/stage.js';
import { verifyIngest } from '../../tools/faults/verify/ingest.js';
import { verifyLeads } from '../../tools/faults/verify/leads.js';
import { breaker } from '../../tools/services/break.js';
import { progressLines } from '../../tools/services/progress-lines.js';
import {
  alertsOf,
  asksForDemo,
  getsInterested,
  mailsTo,
  Site,
  smallStory,
  somebody,
  unsubscribeLink,
} from './story.js';

let stage: Stage;
let site: Site;

beforeAll(async () => {
  stage = await setStage({ set: 'e2e', progress: progressLines(() => undefined) });
  site = new Site(stage);
}, 180_000);
afterAll(() => stage?.stop(), 60_000);

test('what the SDK sends is in the timeline and explains the score, and the five conditions alert once, signed', async () => {
  const alertMs = await smallStory(site, somebody('tanaka'));
  process.stderr.write(`  from the SDK's call to the alert: ${Math.round(alertMs)} ms\n`);
}, 90_000);

test('a demo request overtakes the 50,000 opens of a newsletter that lie in the log', async () => {
  const person = somebody('suzuki');
  const early = await site.visit((analytics) => getsInterested(analytics, person));
  await site.folded(early.at(-1)!);
  const lead = await site.leadId(person);
  // the projector is kept from the newsletter's partitions until all of it lies there, however fast it is
  const holder = await stage.pool.connect();
  await holder.query('begin');
  await holder.query('set local idle_in_transaction_session_timeout = 0');
  await holder.query('select 1 from partition_offset where topic = $1 order by partition for update', [topics.events]);
  await append(50_000, (index) => opened(`reader-${index % 5_000}`));
  const before = await howBusy(stage.pool, stage.eventLog);
  await holder.query('commit');
  holder.release();
  const sentAt = performance.now();
  await site.visit((analytics) => asksForDemo(analytics, person));
  const alert = await until('the alert arrives', () => alertsOf(stage.outside, lead)[0], 60_000);
  const after = await howBusy(stage.pool, stage.eventLog);
  process.stderr.write(
    `  alert after ${Math.round(alert.at - sentAt)} ms; unread when it was asked for: ${before.unread}, when it came: ${after.unread}\n`,
  );
  expect(before.unread).toBeGreaterThan(10_000);
  expect(after.unread).toBeGreaterThan(0);
  expect(await untilQuiet(stage.pool, stage.eventLog, 180_000, () => undefined)).toBeUndefined();
}, 300_000);

test('S5, I22: the page asks, the one-click POST unsubscribes, and no further mail goes there', async () => {
  const person = somebody('sato');
  await site.visit((analytics) => getsInterested(analytics, person));
  const link = await unsubscribeLink(stage.outside, person);
  const asked = await fetch(link);
  expect([asked.status, asked.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  const suppressed = async () =>
    (await stage.pool.query('select reason from suppression where address = $1', [person.email])).rows;
  expect(await suppressed()).toEqual([]);

  const done = await fetch(link, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  });
  expect(done.status).toBe(200);
  expect(await suppressed()).toEqual([{ reason: 'unsubscribe' }]);
  const received = mailsTo(stage.outside, person).length;
  const ids = await site.visit((analytics) =>
    analytics.track({
      anonymousId: person.browser,
      event: 'Newsletter Signed Up',
      properties: { email: person.email },
    }),
  );
  await site.folded(ids[0]!);
  const why = await until(
    'what the sign-up would have sent is decided',
    async () => {
      const { rows } = await stage.pool.query<{ why: string | null }>(
        `select coalesce(d.reason, r.exit_reason) as why from run r left join delivery d on d.run = r.id
       where r.entry_event = $1 and (r.state <> 'active' or d.state <> 'pending')`,
        [eventIdOf(stage.source, ids[0]!)],
      );
      return rows[0];
    },
    30_000,
  );
  expect(why.why).toMatch(/unsubscribe|no-consent|suppressed/);
  expect(mailsTo(stage.outside, person)).toHaveLength(received);
}, 90_000);

test('I28: every process stopped by SIGTERM under load leaves nothing unknown and no accepted request without its answer', async () => {
  const load = underLoad(1_500, 31);
  for (const name of ['collector', 'projector', 'worker', 'api'])
    for (let round = 0; round < 2; round++) {
      const app = stage.system.apps.get(name)!;
      await until(`${name} is ready`, () => app.isReady(), 60_000);
      const pid = app.kill('SIGTERM');
      await until(`${name} ended`, () => app.pid !== pid, 30_000);
    }
  const recorder = await load.finish();
  process.stderr.write(`  without an answer: ${JSON.stringify([...recorder.lost])}\n`);
  // refused connections were never accepted; a request that was read is answered
  expect([...recorder.lost.keys()].filter((why) => why !== 'ECONNREFUSED')).toEqual([]);
  expect((await stage.pool.query("select id from delivery where state = 'unknown'")).rows).toEqual([]);
  await everythingHolds(recorder);
}, 240_000);

test('I1, I20: a broker restart and FLUSHALL in mid-run lose nothing', async () => {
  const services = breaker('e2e');
  const load = underLoad(1_500, 32);
  await services.flushRedis();
  await services.killKafka();
  await services.startKafka();
  await services.flushRedis();
  const recorder = await load.finish();
  expect(recorder.acceptedIds()).toHaveLength(1_500);
  await everythingHolds(recorder);
}, 240_000);

/** Traffic while something happens; `finish` sends the rest at full speed. */
function underLoad(events: number, seed: number) {
  const recorder = new Recorder();
  let rate = events / 30;
  const { items } = makePlan({ seed, leads: 100, events, duplicates: 0.1, outOfOrder: 0.1 });
  const { collectorUrl } = stage.system;
  const done = sendAll(items, {
    collectorUrl,
    writeKey: stage.writeKey,
    senders: 4,
    rate: () => rate,
    seed,
    recorder,
    signal: AbortSignal.timeout(200_000),
  });
  return {
    finish: async () => {
      rate = 1_000;
      await done;
      await stage.system.ready(60_000);
      return recorder;
    },
  };
}

/** The record holds what the senders were told, and the leads are what the oracle says. */
async function everythingHolds(recorder: Recorder): Promise<void> {
  expect(await untilQuiet(stage.pool, stage.eventLog, 120_000, () => undefined)).toBeUndefined();
  const findings = new Findings(() => undefined);
  const { rows } = await stage.pool.query<{ id: string }>('select id from event where source = $1', [stage.source]);
  const known = new Set([...recorder.byId.keys()].map((id) => eventIdOf(stage.source, id)));
  const earlier = rows.filter(({ id }) => !known.has(id)).map(({ id }) => id);
  await verifyIngest({ ...stage, recorder, stated: earlier, poison: [], others: new Set(earlier) }, findings);
  await verifyLeads(stage.pool, defaultSettings, findings);
  expect(findings.broken).toEqual([]);
}

async function append(count: number, make: (index: number) => LeadEvent): Promise<void> {
  // the log's queue is bounded: so much at a time that it stays filled
  for (let from = 0; from < count; from += 2_000) {
    const records = Array.from({ length: Math.min(2_000, count - from) }, (_, index) => {
      const event = make(from + index);
      return { topic: topics.events, ...encodeEvent(event, event.anonymousId!) };
    });
    const { acked } = await stage.eventLog.append(records);
    expect(acked.every(Boolean)).toBe(true);
  }
}

function opened(anonymousId: string): LeadEvent {
  const now = Date.now();
  return {
    id: newId(),
    type: 'track',
    source: 'newsletter',
    occurredAt: now,
    receivedAt: now,
    anonymousId,
    name: 'Email Opened',
    properties: { deliveryId: newId() },
  };
}
