import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  ActivateScenario,
  ActivateScenarioHandler,
  advanceRunJob,
  ensureDefaultScenarios,
  jobsOf,
  PauseScenario,
  PauseScenarioHandler,
  resubscribe,
  SaveScenarioVersion,
  SaveScenarioVersionHandler,
  SaveTemplateVersion,
  SaveTemplateVersionHandler,
  suppress,
} from '#libs/nurture';
import { driveClock, newId } from '#libs/platform';
import { ensureDefaultRulebook } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { SmtpSink } from '#test/sinks';
import { until } from '#test/until';
import { becomeLead, notice, ship, startNurturing, type Nurturing } from './nurturing.js';

let db: TestDatabase;
let sink: SmtpSink;
let worker: Nurturing;
const at = (date: string, time: string) => new Date(`${date}T${time}:00+09:00`);
const wednesday = at('2026-11-04', '10:00');

const burst = `
name: burst
entry: { signal: requested-quote }
steps:
  one: { send: material-thanks }
  first: { wait: { minutes: 1 } }
  two: { send: material-cases }
  second: { wait: { minutes: 1 } }
  three: { send: introduction-problems }`;
const again = `
name: again
entry: { segment: manufacturing }
reentry: { afterDays: 3 }
steps:
  hello: { send: introduction-welcome }`;

beforeAll(async () => {
  db = await createTestDatabase();
  await ship(db);
  await driveClock(db.pool, wednesday);
  for (const [name, document] of [
    ['burst', burst],
    ['again', again],
  ] as const) {
    await new SaveScenarioVersionHandler(db.pool).execute(new SaveScenarioVersion(document, 'test'));
    await new ActivateScenarioHandler(db.pool).execute(new ActivateScenario(name, undefined, 'test'));
  }
  sink = await new SmtpSink().start();
  worker = await startNurturing(db, { SMTP_URL: sink.url });
});
afterAll(async () => {
  await worker?.stop();
  await sink?.stop();
  await db?.drop();
});

const received = (email: string) => sink.received.filter((mail) => mail.to[0] === email).length;
const mails = (email: string, count: number) =>
  until(`${email} has ${count} mails`, () => received(email) >= count, 30_000);
const taken = () =>
  until(
    'notices are taken',
    async () => (await db.pool.query('select 1 from outbox where taken_at is null')).rowCount === 0,
    30_000,
  );
const runsOf = async (lead: number) =>
  (
    await db.pool.query<{ id: string; exit_reason: string | null }>(
      'select id, exit_reason from run where lead = $1 order by entered_at',
      [lead],
    )
  ).rows;
const delivery = async (email: string, step: string) =>
  (
    await db.pool.query<{ state: string; reason: string | null; due_at: Date }>(
      'select state, reason, due_at from delivery where recipient = $1 and step = $2',
      [email, step],
    )
  ).rows[0];

test('the third mail of a day waits until the first is a day old', async () => {
  const email = 'capped@example.com';
  await driveClock(db.pool, wednesday);
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'requested-quote');
  await mails(email, 1);
  await driveClock(db.pool, at('2026-11-04', '10:02'));
  await mails(email, 2);
  await driveClock(db.pool, at('2026-11-04', '10:04'));
  const due = await until(
    'the third is put off',
    async () => {
      const third = await delivery(email, 'three');
      return third && third.due_at > at('2026-11-05', '09:59') && third;
    },
    30_000,
  );
  expect(due.state).toBe('pending');
  expect(received(email)).toBe(2);
  await driveClock(db.pool, at('2026-11-05', '10:05'));
  await mails(email, 3);
});

test('a segment enrols; the same person again only after the days the scenario names', async () => {
  const email = 'maker@example.com';
  await driveClock(db.pool, wednesday);
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'segment', 'manufacturing');
  await mails(email, 1);
  await driveClock(db.pool, at('2026-11-06', '10:00'));
  await notice(db, lead, email, 'segment', 'manufacturing');
  await taken();
  expect(await runsOf(lead)).toHaveLength(1);
  await driveClock(db.pool, at('2026-11-09', '10:00'));
  await notice(db, lead, email, 'segment', 'manufacturing');
  await mails(email, 2);
  expect(await runsOf(lead)).toHaveLength(2);
});

test('I22: a hard bounce suppresses the address in the same transaction, is told, and ends the run', async () => {
  const email = 'nobody@example.com';
  await driveClock(db.pool, wednesday);
  sink.refuse = (address) => (address === email ? { code: 550, text: '5.1.1 no such user' } : undefined);
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'requested-quote');
  await until('the run ended', async () => (await runsOf(lead))[0]?.exit_reason === 'suppressed', 30_000);
  sink.refuse = () => undefined;
  expect(await delivery(email, 'one')).toMatchObject({ state: 'failed', reason: 'bounced' });
  expect((await db.pool.query('select reason from suppression where address = $1', [email])).rows).toEqual([
    { reason: 'bounce' },
  ]);
  expect(
    (
      await db.pool.query(
        "select 1 from fact_outbox where record::text like '%suppression%' and record::text like $1",
        [`%${email}%`],
      )
    ).rowCount,
  ).toBe(1);
  expect(await resubscribe(db.pool, email, 'api')).toBe(false);
});

test('who unsubscribed may come back: the consent is stated and mails go again', async () => {
  const email = 'back@example.com';
  await driveClock(db.pool, wednesday);
  const lead = await becomeLead(db, { email });
  await suppress(db.pool, { email, reason: 'unsubscribe', source: 'api' });
  await notice(db, lead, email, 'segment', 'manufacturing');
  await until('the run ended', async () => (await runsOf(lead))[0]?.exit_reason === 'suppressed', 30_000);
  expect(await resubscribe(db.pool, email, 'api')).toBe(true);
  expect(await resubscribe(db.pool, email, 'api')).toBe(false);
  expect(
    (
      await db.pool.query("select 1 from fact_outbox where record::text like '%granted%' and record::text like $1", [
        `%${email}%`,
      ])
    ).rowCount,
  ).toBe(1);
  await notice(db, lead, email, 'signal', 'requested-quote');
  await mails(email, 1);
});

test('a run that cannot be read and one that the database refuses rest; the others of their group go on', async () => {
  await driveClock(db.pool, wednesday);
  await db.pool.query(`create function refuse_one() returns trigger language plpgsql as $$ begin
    if new.recipient = 'refused@example.com' then raise exception 'refused' using errcode = '22023'; end if; return new; end $$`);
  await db.pool.query('create trigger refuse_one before insert on delivery for each row execute function refuse_one()');
  await db.pool.query("insert into scenario (name) values ('damaged')");
  await db.pool.query(
    `insert into scenario_version (name, version, document, created_by) values ('damaged', 1, '{"name":"damaged"}', 'test')`,
  );
  const runs = new Map<string, string>();
  for (const email of [
    'good1@example.com',
    'refused@example.com',
    'good2@example.com',
    'broken@example.com',
    'good3@example.com',
  ]) {
    const lead = await becomeLead(db, { email });
    runs.set(email, newId());
    await db.pool.query(
      `insert into run (id, key, scenario, version, lead, subject_key, entry_event, step, due_at, enqueued_at, entered_at)
       values ($1::uuid, $1::text, $5, 1, $2, $3, $4::uuid, 'hello', leadfold_now(), clock_timestamp(), leadfold_now())`,
      [runs.get(email), lead, `e:${email}`, newId(), email.startsWith('broken') ? 'damaged' : 'again'],
    );
  }
  await worker.queue.enqueueMany(advanceRunJob, jobsOf([...runs.values()], 'group'));
  for (const email of ['good1@example.com', 'good2@example.com', 'good3@example.com']) await mails(email, 1);
  const rested = await until('both rest', async () => {
    const { rows } = await db.pool.query<{ run: string; reason: string }>(
      "select run, reason from run_log where effect = 'rest'",
    );
    return rows.length === 2 && new Map(rows.map((row) => [row.run, row.reason]));
  });
  expect(rested).toEqual(
    new Map([
      [runs.get('refused@example.com'), 'sql-22023'],
      [runs.get('broken@example.com'), 'scenario-invalid'],
    ]),
  );
  const states = await db.pool.query('select state, due_at > leadfold_now() as later from run where id = any($1)', [
    [runs.get('refused@example.com'), runs.get('broken@example.com')],
  ]);
  expect(states.rows).toEqual([
    { state: 'active', later: true },
    { state: 'active', later: true },
  ]);
  await db.pool.query('drop trigger refuse_one on delivery');
});

test('a paused scenario enrols nobody', async () => {
  const email = 'late@example.com';
  await new PauseScenarioHandler(db.pool).execute(new PauseScenario('again', 'test'));
  expect((await db.pool.query("select 1 from listener where wanted_by = 'scenario:again'")).rowCount).toBe(0);
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'segment', 'manufacturing');
  await taken();
  expect(await runsOf(lead)).toEqual([]);
});

const body = '{{ sender_name }} {{ sender_address }} <a href="{{ unsubscribe_url }}">stop</a>';
const mjml = (text: string) =>
  `<mjml><mj-body><mj-section><mj-column><mj-text>${text}</mj-text></mj-column></mj-section></mj-body></mjml>`;
test.each<[string, string, string, string]>([
  ['no sender, no address, no way to refuse', 'Hello', mjml('Hello'), 'missing-variable'],
  ['a variable nobody declared', 'Hello', mjml(`${body} {{ lead.salary }}`), 'unknown-variable'],
  ['a subject of two lines', 'a\nb', mjml(body), 'bad-subject'],
  ['a raw filter', 'Hello', mjml(`${body} {{ lead.company | raw }}`), 'bad-liquid'],
  ['an include', 'Hello', mjml(`${body} {% include ".env" %}`), 'bad-liquid'],
  ['no MJML', 'Hello', '<html></html>', 'bad-mjml'],
])('S7: a template is refused: %s', async (_what, subject, text, code) => {
  const saving = new SaveTemplateVersionHandler(db.pool).execute(
    new SaveTemplateVersion('refused', { en: { subject, mjml: text } }, 'test'),
  );
  await expect(saving).rejects.toMatchObject({
    code: 'template-invalid',
    options: { errors: expect.arrayContaining([expect.objectContaining({ code })]) },
  });
  expect((await db.pool.query("select 1 from template_version where name = 'refused'")).rowCount).toBe(0);
});

test('two workers that start on an empty database save what is shipped once', async () => {
  const empty = await createTestDatabase();
  try {
    await ensureDefaultRulebook(empty.pool);
    await Promise.all([ensureDefaultScenarios(empty.pool), ensureDefaultScenarios(empty.pool)]);
    for (const table of ['scenario_version', 'template_version'])
      expect((await empty.pool.query(`select max(version)::int as version from ${table}`)).rows).toEqual([
        { version: 1 },
      ]);
  } finally {
    await empty.drop();
  }
});

test('a signal that is stated again after its notice was deleted enrols nobody; one that waited long in the log does', async () => {
  await driveClock(db.pool, wednesday);
  const told = async (email: string, known: string): Promise<number> => {
    const lead = await becomeLead(db, { email });
    const event = newId();
    await db.pool.query(
      `with b as (insert into batch (known_at, rulebook_version) values (leadfold_now() - $3::interval, 1) returning id)
       insert into event (id, kind, type, source, email, occurred_at, received_at, batch, body)
       select $1, 'fact', 'track', 'site', $2, at, at, b.id, '{}' from b, (select leadfold_now() - interval '31 days' as at) long_ago`,
      [event, email, known],
    );
    await db.pool.query(
      `insert into outbox (key, kind, name, lead, subject_key, event, payload, created_at)
       values ($1::text || ':requested-quote', 'signal', 'requested-quote', $2, $3, $1::uuid, '{}', leadfold_now())`,
      [event, lead, `e:${email}`],
    );
    return lead;
  };
  const judgedLate = await told('judged-late@example.com', '31 days');
  const foldedLate = await told('folded-late@example.com', '1 minute');
  await taken();
  expect(await runsOf(foldedLate)).toHaveLength(1);
  expect(await runsOf(judgedLate)).toEqual([]);
});
