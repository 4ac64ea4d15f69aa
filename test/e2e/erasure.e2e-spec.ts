// needs: kafka redis
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Analytics } from '@segment/analytics-node';
import { Kafka, logLevel } from 'kafkajs';
import PostalMime from 'postal-mime';
import { topics, type RecordBatch } from '#libs/event-log';
import { erasedHash } from '#libs/leads/domain';
import { addressHash } from '#libs/nurture';
import type { ErasureProof } from '#libs/privacy';
import { until } from '#test/until';
import { untilQuiet } from '../../tools/faults/quiet.js';
import { setStage, type Stage } from '../../tools/faults/stage.js';
import { progressLines } from '../../tools/services/progress-lines.js';
import { dumpOf, dumpOfRedis, hashesOf, ingestSums, linesNaming } from '../privacy/erasing.js';
import { herNames, kaori } from '../privacy/person.js';
import { alertsOf, mailsTo, Site, type Person } from './story.js';

/** Real: the collector, the projector, the worker and the api as processes, Kafka, PostgreSQL, Redis and mail. */
let stage: Stage;
let site: Site;
let lead: number;
let mailsBefore: number;
/** What the log holds of her when she is erased: a producer may send it again. */
let hers: RecordBatch['records'];
const dayMs = 86_400_000;
const her = { email: kaori.email, browser: kaori.browser };

beforeAll(async () => {
  stage = await setStage({ set: 'e2e', progress: progressLines(() => undefined) });
  site = new Site(stage);
}, 180_000);
afterAll(() => stage?.stop(), 60_000);

const quiet = async () => expect(await untilQuiet(stage.pool, stage.eventLog, 60_000, () => undefined)).toBeUndefined();
const consent = { marketing: true, basis: 'opt-in', wording: 'e2e-1' };

const asksForMaterial = (analytics: Analytics, { email, browser }: Person, timestamp = new Date()): void =>
  analytics.track({
    anonymousId: browser,
    timestamp,
    event: 'Material Requested',
    properties: { email, material: 'guide', consent },
  });

/** Four events: a mail follows. */
function getsInterested(analytics: Analytics, timestamp: Date): void {
  const by = { anonymousId: kaori.browser, timestamp };
  for (const path of ['/products/flow', '/products/insight', '/pricing'])
    analytics.page({ ...by, name: path, properties: { path, title: path } });
  asksForMaterial(analytics, her, timestamp);
}

/** Three more: sales hears of her. */
function asksForDemo(analytics: Analytics, timestamp: Date): void {
  const by = { anonymousId: kaori.browser, timestamp };
  analytics.identify({ ...by, userId: kaori.userId.slice('main:'.length), traits: { email: kaori.email } });
  const { email, family: lastName, given: firstName, phone } = kaori;
  const company = { company: '株式会社ソラ', employees: 480, position: '部長', introductionBy: '3ヶ月以内' };
  analytics.track({ ...by, event: 'Demo Requested', properties: { email, lastName, firstName, phone, ...company } });
  analytics.page({ ...by, name: '/thanks', properties: { path: '/thanks' } });
}

/** Mails as their readers see them, from the given one on: headers, subject and both bodies. */
const mailsFrom = (first: number): Promise<string[]> =>
  Promise.all(
    stage.outside.mails.slice(first).map(async ({ to, raw }) => {
      const { subject, html, text } = await PostalMime.parse(raw);
      return `mail ${to.join()} ${raw} ${subject} ${html} ${text}`;
    }),
  );

/** PostgreSQL, all of Redis, and the mails that left since she was erased. */
const lines = async (): Promise<string[]> => [
  ...(await dumpOf(stage.pool)),
  ...(await dumpOfRedis(stage.system.services.redisUrl!, '')),
  ...(await mailsFrom(mailsBefore)),
];

/** The values of the log's records, read as any other consumer would. */
async function recordsNaming(name: string): Promise<RecordBatch['records']> {
  const found: RecordBatch['records'] = [];
  const bounds = (await Promise.all(Object.values(topics).map((topic) => stage.eventLog.bounds(topic)))).flat();
  const left = new Set(
    bounds.filter(({ begin, end }) => end > begin).map(({ topic, partition }) => `${topic} ${partition}`),
  );
  const ends = new Map(bounds.map(({ topic, partition, end }) => [`${topic} ${partition}`, end]));
  const consumer = await stage.eventLog.consume(
    { group: `test-${Date.now()}`, topics: Object.values(topics), concurrency: 1, maxRecords: 500 },
    {
      assigned: ({ begin }) => Promise.resolve({ start: begin }),
      alive: () => undefined,
      batch: (batch) => {
        found.push(...batch.records.filter(({ value }) => value?.toString('utf8').includes(name)));
        const key = `${batch.topic} ${batch.partition}`;
        if (batch.nextPosition >= ends.get(key)!) left.delete(key);
        return Promise.resolve({ kind: 'done', next: batch.nextPosition });
      },
    },
  );
  await until('the log is read to its end', () => left.size === 0, 60_000);
  await consumer.stop();
  return found;
}

test('before the erasure she is in all of it: the record, the log, a mail, an alert', async () => {
  const ito = { email: 'ito@example.jp', browser: 'browser-of-ito' };
  const [others] = await site.visit((analytics) => asksForMaterial(analytics, ito));
  await site.folded(others!);
  const early = await site.visit((analytics) => getsInterested(analytics, new Date(Date.now() - 60_000)));
  for (const id of early) await site.folded(id);
  await until('her mail came', () => mailsTo(stage.outside, her).length > 0, 30_000);
  const asked = await site.visit((analytics) => asksForDemo(analytics, new Date(Date.now() - 30_000)));
  for (const id of asked) await site.folded(id);
  lead = await site.leadId(her);
  await until('sales was told', () => alertsOf(stage.outside, lead).length > 0, 30_000);
  await quiet();
  const found = linesNaming(await dumpOf(stage.pool), herNames);
  for (const table of [
    'event',
    'lead',
    'lead_rank',
    'subject_key',
    'identification',
    'link',
    'outbox',
    'run',
    'delivery',
  ])
    expect([table, found.some((line) => line.includes(`in public.${table} `))]).toEqual([table, true]);
  // the search sees into mails, whatever their encoding
  const inMails = linesNaming(await mailsFrom(0), [kaori.family, kaori.email]);
  expect(inMails.map((line) => line.split(' in mail ')[1]!.split(' ')[0])).toEqual(
    expect.arrayContaining(['sales@faults.example', kaori.email]),
  );
  hers = await recordsNaming(kaori.browser);
  expect(hers.length).toBeGreaterThanOrEqual(7);
}, 120_000);

test('S11: erased by the API, she is found nowhere; the proof says when the log’s retention ends', async () => {
  const { keys } = await site.lead<{ keys: string[] }>(her);
  expect(keys.sort()).toEqual([`a:${kaori.browser}`, `e:${kaori.email}`, `u:${kaori.userId}`]);
  const askedAt = Date.now();
  mailsBefore = stage.outside.mails.length;
  const proof = await site.api.post<ErasureProof>(`/v1/leads/${encodeURIComponent(`e:${kaori.email}`)}/erasure`, {
    requestedBy: 'person',
    reason: 'asked',
    reference: 'CASE-2026-31',
  });
  const answeredAt = Date.now();
  expect(proof).toMatchObject({ state: 'done', requestedBy: 'person', reason: 'asked', reference: 'CASE-2026-31' });
  expect([...proof.keyHashes].sort()).toEqual(hashesOf(keys).sort());

  // the broker's own word: a record goes with its segment, which is as old as a segment may be, and a day is for its cleaner
  const held = await longestHeldMs();
  const logUntil = new Date(proof.logUntil).getTime();
  expect(logUntil).toBeGreaterThanOrEqual(askedAt + held + dayMs - 1_000);
  expect(logUntil).toBeLessThanOrEqual(answeredAt + held + dayMs + 1_000);
  const { rows } = await stage.pool.query<{ until: Date }>('select log_until as until from erasure where id = $1', [
    proof.id,
  ]);
  expect(rows[0]!.until.getTime()).toBe(logUntil);
  await quiet();
  await foundNowhere();
}, 120_000);

test('I1, I4: what comes later through Kafka is dropped and counted, from whomever it comes, and brings nothing back', async () => {
  const before = await ingestSums(stage.pool);
  const [mails, alerts] = [stage.outside.mails.length, stage.outside.alerts.length];
  // her browser kept these while it was offline; the collector does not know her and takes them
  const at = new Date(Date.now() - 120_000);
  const late = await site.visit((analytics) => {
    getsInterested(analytics, at);
    asksForDemo(analytics, at);
  });
  expect(late).toHaveLength(7);
  // and a producer sends again what it had sent, as it was
  const again = hers.map(({ key, headers, value }) => ({
    topic: topics.events,
    key: key!.toString('utf8'),
    headers,
    value: value!,
  }));
  expect((await stage.eventLog.append(again)).acked.every(Boolean)).toBe(true);
  await quiet();
  const after = await ingestSums(stage.pool);
  const grown = (count: string) => after[count]! - before[count]!;
  expect({
    consumed: grown('consumed'),
    dropped: grown('dropped'),
    stored: grown('stored'),
    inEvent: grown('inEvent'),
  }).toEqual({
    consumed: late.length + again.length,
    dropped: late.length + again.length,
    stored: 0,
    inEvent: 0,
  });
  const { consumed, stored, quarantined, duplicates, dropped, inEvent, inQuarantine, erasedFacts } = after;
  expect(consumed).toBe(stored! + quarantined! + duplicates! + dropped!);
  expect([stored, quarantined]).toEqual([inEvent! + erasedFacts!, inQuarantine]);
  const bounds = (await Promise.all(Object.values(topics).map((topic) => stage.eventLog.bounds(topic)))).flat();
  expect(consumed).toBe(bounds.reduce((sum, { begin, end }) => sum + end - begin, 0));
  expect([stage.outside.mails.length, stage.outside.alerts.length]).toEqual([mails, alerts]);
  // others are all there and go on: one more gets a mail
  const abe = { email: 'abe@example.jp', browser: 'browser-of-abe' };
  const [asked] = await site.visit((analytics) => asksForMaterial(analytics, abe));
  await site.folded(asked!);
  await until('a mail came', () => mailsTo(stage.outside, abe).length > 0, 30_000);
  await quiet();
  await foundNowhere();
  const { keys } = await site.lead<{ keys: string[] }>({ email: 'ito@example.jp', browser: '' });
  expect(keys).toContain('a:browser-of-ito');
  expect([...stage.errors]).toEqual([]);
}, 120_000);

/** A byte search; of her there is the hash that keeps mail from her, and hashes of keys under a prefix of their own. */
async function foundNowhere(): Promise<void> {
  const all = await lines();
  expect(linesNaming(all, herNames)).toEqual([]);
  const tables = (hash: string) =>
    [...new Set(all.filter((line) => line.includes(hash)).map((line) => line.split(' ', 1)[0]))].sort();
  expect(tables(addressHash(kaori.email))).toEqual(['public.suppression']);
  expect(tables(erasedHash(`e:${kaori.email}`))).toEqual(['public.erased_key']);
  const { rows } = await stage.pool.query('select address, reason from suppression where hash = $1', [
    addressHash(kaori.email),
  ]);
  expect(rows).toEqual([{ address: null, reason: 'erasure' }]);
}

async function longestHeldMs(): Promise<number> {
  const brokers = stage.system.services.kafkaBrokers!.split(',');
  const admin = new Kafka({ clientId: 'leadfold-test', brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const name = `${stage.system.env['KAFKA_TOPIC_PREFIX'] ?? ''}${topics.events}`;
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name, configNames: ['retention.ms', 'segment.ms'] }],
    });
    return resources[0]!.configEntries.reduce((sum, { configValue }) => sum + Number(configValue), 0);
  } finally {
    await admin.disconnect();
  }
}
