import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { pino } from 'pino';
import { topics } from '#libs/event-log';
import { alertReader, AlertReactor, handoffConfig, listenForCrossings } from '#libs/handoff';
import { addressHash } from '#libs/nurture';
import { newId, parseConfig, TokenSeal } from '#libs/platform';
import { personExportJsonSchema } from '#libs/privacy';
import { projectionConfig, ProjectionContext, verify } from '#libs/projection';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';
import { startApi, testSecret, type TestApi } from '../../apps/api/test/start-api.js';
import { startNurturing, type Nurturing } from '../nurture/nurturing.js';
import { dumpOf, dumpOfRedis, hashesOf, ingestSums, linesNaming } from './erasing.js';
import { deed, herDeeds, herNames, kaori } from './person.js';

/** Real: PostgreSQL with the embedded log, Redis, SMTP, a webhook. The API, the projector's and the worker's own parts. */
let api: TestApi;
let worker: Nurturing;
let sink: SmtpSink;
let hook: HttpSink;
const logged: string[] = [];
/** A delivery that she got. */
let sentBefore: string | undefined;
const queuePrefix = `t${newId().replaceAll('-', '')}`;

beforeAll(async () => {
  const logger = pino(
    { level: 'trace' },
    new Writable({
      write: (chunk: Buffer, _, done) => {
        logged.push(chunk.toString());
        done();
      },
    }),
  );
  api = await startApi({ projecting: true, logger });
  sink = await new SmtpSink().start();
  hook = await new HttpSink().start();
  const env = {
    SMTP_URL: sink.url,
    NURTURE_QUIET_HOURS: 'off',
    JOB_QUEUE_PREFIX: queuePrefix,
    OUTBOUND_ALLOW: '127.0.0.0/8',
    ALERT_WEBHOOK_URL: `${hook.url}/alerts`,
    ALERT_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 5).toString('base64')}`,
  };
  const handoff = parseConfig(handoffConfig, env);
  const alerts = new AlertReactor(handoff, alertReader({ locale: 'ja', apiUrl: 'http://127.0.0.1' }));
  await listenForCrossings(api.database.pool, handoff);
  worker = await startNurturing(api.database, env, { handlers: [alerts], log: logger });
});
afterAll(async () => {
  await worker?.stop();
  await sink?.stop();
  await hook?.stop();
  await api?.stop();
});

const admin = () => ({ key: api.keys.admin });
const lines = async (): Promise<string[]> => [
  ...(await dumpOf(api.database.pool)),
  ...(await dumpOfRedis(process.env['TEST_REDIS_URL']!, queuePrefix)),
  ...logged,
];
const rows = async (table: string, where = 'true') =>
  (await api.database.pool.query(`select 1 from ${table} where ${where}`)).rowCount!;
const opened = (deliveryId: string) =>
  deed({
    type: 'track',
    source: 'collector',
    name: 'Email Clicked',
    email: kaori.email,
    properties: { deliveryId, url: 'https://www.example.com/' },
  });
/** Everything on the log is applied, and every fact the worker stated is on the log. */
const settled = () =>
  until('log and queues are empty', async () => {
    const open = await api.database.pool.query<{ n: number }>(
      `select (select coalesce(sum(p.next - coalesce(o.next, 0)), 0) from log_partition p left join partition_offset o using (topic, partition))
         + (select count(*) from fact_outbox where sent_at is null) + (select count(*) from outbox where taken_at is null)
         + (select count(*) from delivery where state = 'sending' or (state = 'pending' and due_at <= now())) as n`,
    );
    return Number(open.rows[0]!.n) === 0;
  });

test('S11: before the erasure she is in all of it, and the export holds what the facts hold', async () => {
  const now = Date.now();
  // somebody else, who must stay
  await api.state(
    deed({
      type: 'track',
      name: 'Material Requested',
      anonymousId: 'browser-of-ito',
      email: 'ito@example.jp',
      links: true,
      properties: { lastName: '伊藤', consent: true },
    }),
  );
  // something goes wrong with her alert, so that there is something to log
  let failures = 1;
  hook.answer = () => ({ status: failures-- > 0 ? 500 : 200 });
  for (const event of herDeeds(now)) await api.state(event);
  await until('her mail came', () => sink.received.some((mail) => mail.to[0] === kaori.email));
  await until('the alert came, again', () => hook.received.length > 1);
  const sent = await until('the mail is marked as sent', async () => {
    const found = await api.database.pool.query<{ id: string }>(
      "select id from delivery where recipient = $1 and state = 'sent' limit 1",
      [kaori.email],
    );
    return found.rows[0]?.id;
  });
  sentBefore = sent;
  await api.state(opened(sent));
  const outcome = await api.call('POST', `/v1/leads/e:${kaori.email}/outcomes`, {
    key: api.keys.sales,
    body: { outcome: 'contacted', note: `${kaori.family}様と電話、${kaori.phone}` },
  });
  expect(outcome.status).toBe(202);
  const merged = await api.call('POST', '/v1/merges', {
    ...admin(),
    body: { keys: [`e:${kaori.email}`, `u:${kaori.userId}`], reason: `${kaori.family} ${kaori.given}, same phone` },
  });
  expect(merged.status).toBe(202);
  const poison = Buffer.concat([Buffer.from(`{"email":"${kaori.email.toUpperCase()}",`), Buffer.from([0xff, 0])]);
  await api.eventLog.append([{ topic: topics.events, key: kaori.email, headers: { ce_id: 'x' }, value: poison }]);
  await settled();

  const before = linesNaming(await lines(), herNames);
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
    expect([table, before.some((line) => line.includes(`in public.${table} `))]).toEqual([table, true]);
  for (const table of ['fact_outbox', 'quarantine', 'audit_log', 'log_record'])
    expect([table, before.some((line) => line.includes(`in public.${table} `))]).toEqual([table, true]);
  // jobs carry ids, logs neither addresses nor names; and there are some to look at
  expect(logged.length).toBeGreaterThan(0);
  expect((await dumpOfRedis(process.env['TEST_REDIS_URL']!, queuePrefix)).length).toBeGreaterThan(0);
  expect(before.filter((line) => !line.includes('in public.'))).toEqual([]);

  const exported = await api.call('GET', `/v1/leads/e:${kaori.email}/export`, { key: api.keys.marketing });
  expect(exported.status).toBe(200);
  expect(exported.headers['content-type']).toContain('application/json');
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(personExportJsonSchema());
  expect([validate(exported.body), validate.errors]).toEqual([true, null]);
  for (const name of herNames) expect([name, exported.text.includes(name)]).toEqual([name, true]);
  expect(exported.text).not.toContain('ito@example.jp');
  const facts = await api.database.pool.query<{ id: string }>(
    "select id from event where (email = $1 or uid = $2 or anon = $3) and coalesce(body->>'decision', '') <> 'memory'",
    [kaori.email, kaori.userId, kaori.browser],
  );
  expect((exported.body.events as { id: string }[]).map((event) => event.id).sort()).toEqual(
    facts.rows.map((row) => row.id).sort(),
  );
  expect(exported.body.score.lines.length).toBeGreaterThan(0);
  expect(exported.body.deliveries.map((one: { channel: string }) => one.channel).sort()).toContain('webhook');
});

test('S11: after it a byte search finds her nowhere: not in PostgreSQL, Redis, the embedded log or our logs', async () => {
  const { keys } = (await api.call('GET', `/v1/leads/e:${kaori.email}`, admin())).body as { keys: string[] };
  expect(keys).toHaveLength(3);
  const funnel = async () => {
    const { stages, erased } = (await api.call('GET', '/v1/funnel', admin())).body as Record<
      'stages' | 'erased',
      { leads: number; visitors: number }[]
    >;
    return [...stages, ...erased].reduce((sum, row) => sum + row.leads + row.visitors, 0);
  };
  const counted = await funnel();
  const deliveries = await rows('delivery');
  const erase = (body: object) => api.call('POST', `/v1/leads/e:${kaori.email}/erasure`, { ...admin(), body });
  const request = { requestedBy: 'person', reason: 'asked' };
  expect(await erase({ ...request, reference: 'kx-90417' })).toMatchObject({
    status: 422,
    body: { code: 'names-the-person' },
  });
  const proof = await erase({ ...request, reference: 'CASE-2026-17' });
  expect(proof.status).toBe(200);
  expect(proof.body).toMatchObject({ state: 'done', ...request, reference: 'CASE-2026-17', keyHashes: hashesOf(keys) });
  expect(Date.parse(proof.body.logUntil)).toBeGreaterThan(Date.now() + 7 * 86_400_000);

  expect(linesNaming(await lines(), herNames)).toEqual([]);
  expect(
    await rows('suppression', `hash = '${addressHash(kaori.email)}' and address is null and reason = 'erasure'`),
  ).toBe(1);
  // the other person is all there, and what was counted adds up
  expect((await api.call('GET', '/v1/leads/e:ito@example.jp', admin())).status).toBe(200);
  expect(await rows('delivery', "recipient = 'ito@example.jp'")).toBeGreaterThan(0);
  expect(await funnel()).toBe(counted);
  const erased = await api.database.pool.query<{ n: number }>(
    "select sum(n)::int as n from erased_count where measure = 'delivery'",
  );
  expect((await rows('delivery')) + erased.rows[0]!.n).toBe(deliveries);
  expect(await rows('quarantine', "status = 'erased' and value is null")).toBe(1);
  const sums = await ingestSums(api.database.pool);
  expect(sums['stored']).toBe(sums['inEvent']! + sums['erasedFacts']!);
  expect(sums['quarantined']).toBe(sums['inQuarantine']);
  const context = await ProjectionContext.load(api.database.pool, parseConfig(projectionConfig, {}));
  expect(await verify(api.database.pool, context)).toMatchObject({
    differences: [],
    pending: [],
    identityDifferences: 0,
  });

  // asked again, it is the same proof; by its own id as well
  expect((await erase(request)).body).toEqual(proof.body);
  expect((await api.call('GET', `/v1/erasures/${proof.body.id}`, admin())).body).toEqual(proof.body);
  expect((await api.call('GET', '/v1/erasures', admin())).body.items).toEqual([proof.body]);
  expect((await api.call('GET', `/v1/leads/e:${kaori.email}/export`, admin())).status).toBe(404);
});

test('I4, I22: what comes late about her is dropped and counted, and brings neither her nor her address back', async () => {
  const { pool } = api.database;
  const dropped = async () => (await ingestSums(pool))['dropped']!;
  const before = await dropped();
  const now = Date.now();
  // a browser that kept them, an open of the old mail years after, and the sites' own repeats
  const late = [...herDeeds(now - 60_000), deed({ type: 'page', anonymousId: kaori.browser }, now - 1_000)];
  for (const event of late) await api.state(event);
  await api.state({ ...opened(sentBefore!), occurredAt: now + 900 * 86_400_000, receivedAt: now + 900 * 86_400_000 });
  await settled();
  expect(await dropped()).toBe(before + late.length + 1);
  const { consumed, stored, quarantined, duplicates, dropped: all } = await ingestSums(pool);
  expect(consumed).toBe(stored! + quarantined! + duplicates! + all!);
  expect(
    linesNaming(
      (await lines()).filter((line) => !line.startsWith('public.log_record')),
      herNames,
    ),
  ).toEqual([]);

  // her old mail's link: she unsubscribes whom we do not know any more
  const token = new TokenSeal(testSecret, 'unsubscribe').seal({ d: sentBefore!, k: `e:${kaori.email}` });
  expect((await api.call('POST', `/u/${token}`)).status).toBe(200);
  expect(
    linesNaming(
      (await lines()).filter((line) => !line.startsWith('public.log_record')),
      herNames,
    ),
  ).toEqual([]);
});

test('S11: erased while her events flow in, are folded and acted on: nothing is left of her, in ten rounds', async () => {
  const { pool } = api.database;
  for (let round = 0; round < 10; round += 1) {
    const name = `racer-${round}-${newId().slice(-6)}`;
    const email = `${name}@example.com`;
    const events = herDeeds(Date.now()).map((event) => ({
      ...event,
      id: newId(),
      anonymousId: name,
      ...(event.email === undefined ? {} : { email }),
      ...(event.userId === undefined ? {} : { userId: `main:${name}` }),
      ...(event.traits === undefined ? {} : { traits: { email } }),
    }));
    const stating = (async () => {
      for (let repeat = 0; repeat < 3; repeat += 1)
        for (const event of events) await api.state(repeat === 0 ? event : { ...event, id: newId() });
    })();
    await until('somebody is there to erase', async () => {
      const answer = await api.call('POST', `/v1/leads/a:${name}/erasure`, {
        ...admin(),
        body: { requestedBy: 'person', reason: 'asked' },
      });
      return answer.status === 200;
    });
    await stating;
    await settled();
    // known by her browser alone, she may have been erased before she said who she was
    const again = await api.call('POST', `/v1/leads/e:${email}/erasure`, {
      ...admin(),
      body: { requestedBy: 'person', reason: 'asked' },
    });
    expect([200, 404]).toContain(again.status);
    await settled();
    const left = (await lines()).filter((line) => !line.startsWith('public.log_record'));
    expect(linesNaming(left, [name])).toEqual([]);
  }
  const { consumed, stored, quarantined, duplicates, dropped, inEvent, erasedFacts } = await ingestSums(pool);
  expect(consumed).toBe(stored! + quarantined! + duplicates! + dropped!);
  expect(stored).toBe(inEvent! + erasedFacts!);
}, 60_000);
