import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import PostalMime, { type Email } from 'postal-mime';
import { UnsubscribeHandler, Unsubscribe, recipientOf, suppress } from '#libs/nurture';
import { driveClock, TokenSeal } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { SmtpSink } from '#test/sinks';
import { until } from '#test/until';
import { becomeLead, notice, secret, ship, startNurturing, type Nurturing } from './nurturing.js';

let db: TestDatabase;
let sink: SmtpSink;
let worker: Nurturing;
const monday = (time: string) => new Date(`2026-11-02T${time}:00+09:00`);
const day = (date: string, time: string) => new Date(`2026-${date}T${time}:00+09:00`);

beforeAll(async () => {
  db = await createTestDatabase();
  await ship(db);
  await driveClock(db.pool, monday('10:00'));
  sink = await new SmtpSink().start();
  worker = await startNurturing(db, { SMTP_URL: sink.url });
});
beforeEach(() => driveClock(db.pool, monday('10:00')));
afterAll(async () => {
  await worker?.stop();
  await sink?.stop();
  await db?.drop();
});

const received = (email: string) => sink.received.filter((mail) => mail.to[0] === email);
const parsed = (email: string): Promise<Email[]> =>
  Promise.all(received(email).map((mail) => PostalMime.parse(mail.raw)));
const mails = (email: string, count: number) =>
  until(`${email} has ${count} mails`, () => received(email).length >= count);
const runOf = async (lead: number, scenario: string) =>
  (
    await db.pool.query<{ state: string; exit_reason: string; step: string; id: string }>(
      'select * from run where lead = $1 and scenario = $2',
      [lead, scenario],
    )
  ).rows[0];
const ended = (lead: number, scenario: string, reason: string) =>
  until(`${scenario} ended: ${reason}`, async () => (await runOf(lead, scenario))?.exit_reason === reason);
const deliveries = async (email: string) =>
  (
    await db.pool.query<{ id: string; state: string; reason: string | null }>(
      'select id, state, reason from delivery where recipient = $1 order by created_at',
      [email],
    )
  ).rows;

test('the follow-up: thanks at once, cases three business days (and a holiday) later at ten, then the end', async () => {
  const email = 'yamada@example.co.jp';
  const lead = await becomeLead(db, {
    email,
    profile: { familyName: '山田', givenName: '太郎<b>', 'company.name': 'アクメ株式会社' },
  });
  await notice(db, lead, email, 'signal', 'requested-material');
  await mails(email, 1);
  const [first] = await parsed(email);
  expect(first!.subject).toBe('資料をご請求いただきありがとうございます');
  expect(first!.html).toContain('山田 太郎&lt;b&gt; 様');
  expect(first!.html).toContain('東京都千代田区1-1');
  expect(first!.text).toContain('配信停止');
  const header = (name: string) => first!.headers.find((h) => h.key === name)?.value;
  expect(header('list-unsubscribe')).toMatch(/^<http:\/\/127\.0\.0\.1:24301\/u\/[\w-]+>$/);
  expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
  expect(first!.messageId).toBe(`<${(await deliveries(email))[0]!.id}@example.com>`);

  const click = /href="http:\/\/127\.0\.0\.1:24300\/c\/([\w-]+)"/.exec(first!.html!);
  expect(new TokenSeal(secret, 'tracking').open(click![1]!)).toMatchObject({
    u: 'https://www.example.com/documents',
    k: `e:${email}`,
  });
  expect(first!.html).toMatch(/<img src="http:\/\/127\.0\.0\.1:24300\/o\/[\w-]+\.gif"/);

  await driveClock(db.pool, day('11-06', '10:01'));
  await mails(email, 2);
  await ended(lead, 'material-follow-up', 'end');
  expect((await parsed(email))[1]!.subject).toContain('活用事例');
});

test('the introduction stops when the lead becomes hot', async () => {
  const email = 'hot@example.com';
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'signed-up-newsletter');
  await mails(email, 1);
  await db.pool.query(`update lead set memory = (memory::jsonb || '{"hot":true}')::json where id = $1`, [lead]);
  await notice(db, lead, email, 'crossing', 'hot', null);
  await ended(lead, 'introduction', 'hot');
  expect(await deliveries(email)).toHaveLength(1);
});

test('the introduction in full: welcome, problems three days later, the invitation five business days after that, then the end', async () => {
  const email = 'patient@example.com';
  const lead = await becomeLead(db, { email, profile: { familyName: '佐藤' } });
  await notice(db, lead, email, 'signal', 'signed-up-newsletter');
  await mails(email, 1);
  await driveClock(db.pool, day('11-05', '10:01'));
  await mails(email, 2);
  await driveClock(db.pool, day('11-12', '09:59'));
  expect((await runOf(lead, 'introduction'))!.step).toBe('second-wait');
  await driveClock(db.pool, day('11-12', '10:01'));
  await mails(email, 3);
  await ended(lead, 'introduction', 'end');
  expect((await parsed(email))[2]!.subject).toBe('30分のデモをご覧になりませんか');
  expect(await deliveries(email)).toHaveLength(3);
});

test('the introduction reaches its goal when the lead asks for a demo', async () => {
  const email = 'demo@example.com';
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'signed-up-newsletter');
  await mails(email, 1);
  await notice(db, lead, email, 'signal', 'requested-demo');
  await ended(lead, 'introduction', 'goal');
});

test('S5 I22: following the link changes nothing; the POST unsubscribes at once and no mail follows', async () => {
  const email = 'leaving@example.com';
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'signed-up-newsletter');
  await mails(email, 1);
  const seal = new TokenSeal(secret, 'unsubscribe');
  const token = /\/u\/([\w-]+)>/.exec(
    (await parsed(email))[0]!.headers.find((h) => h.key === 'list-unsubscribe')!.value,
  )![1]!;
  expect(await recipientOf(db.pool, seal, token)).toMatchObject({ email });
  expect((await db.pool.query('select 1 from suppression where address = $1', [email])).rowCount).toBe(0);
  await expect(recipientOf(db.pool, seal, `${token.slice(0, -2)}AA`)).rejects.toMatchObject({
    code: 'unsubscribe-unknown',
  });

  await new UnsubscribeHandler(db.pool, seal).execute(new Unsubscribe(token));
  await new UnsubscribeHandler(db.pool, seal).execute(new Unsubscribe(token));
  const facts = await db.pool.query(
    "select 1 from fact_outbox where record::text like '%unsubscribe%' and record::text like $1",
    [`%${email}%`],
  );
  expect(facts.rowCount).toBe(1);
  await ended(lead, 'introduction', 'suppressed');
  await driveClock(db.pool, day('11-20', '12:00'));
  expect(await deliveries(email)).toHaveLength(1);
});

test('I22: what waits for office hours when the address is suppressed is cancelled', async () => {
  const email = 'waiting@example.com';
  await driveClock(db.pool, monday('20:00'));
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'requested-material');
  await until('the delivery waits', async () => (await deliveries(email)).length === 1);
  await suppress(db.pool, { email, reason: 'complaint', source: 'api' });
  expect(await deliveries(email)).toMatchObject([{ state: 'cancelled', reason: 'suppressed-complaint' }]);
});

test('I23: without a stored consent nothing is sent, and the delivery says why', async () => {
  const email = 'silent@example.com';
  const lead = await becomeLead(db, { email, consent: null });
  await notice(db, lead, email, 'signal', 'requested-material');
  await until('it is suppressed', async () => (await deliveries(email))[0]?.state === 'suppressed');
  expect(await deliveries(email)).toMatchObject([{ state: 'suppressed', reason: 'no-consent' }]);
  expect(received(email)).toHaveLength(0);
});

test('mails wait for office hours and go out in the morning', async () => {
  const email = 'night@example.com';
  await driveClock(db.pool, day('11-06', '23:00'));
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'requested-material');
  const due = async () =>
    (await db.pool.query<{ due_at: Date }>('select due_at from delivery where recipient = $1', [email])).rows[0]
      ?.due_at;
  await until('it is put off to Monday', async () => (await due())?.getTime() === day('11-09', '09:00').getTime());
  expect(received(email)).toHaveLength(0);
  await driveClock(db.pool, day('11-09', '09:00'));
  await mails(email, 1);
});

test('I19: the same notice again, and a second entry of the same person, make no second copy', async () => {
  const email = 'once@example.com';
  const lead = await becomeLead(db, { email });
  const event = await notice(db, lead, email, 'signal', 'requested-material');
  await mails(email, 1);
  await db.pool.query('update outbox set taken_at = null where event = $1', [event]);
  await notice(db, lead, email, 'signal', 'requested-material');
  await until(
    'notices are taken',
    async () => (await db.pool.query('select 1 from outbox where taken_at is null')).rowCount === 0,
  );
  expect(await deliveries(email)).toHaveLength(1);
});

test('a quiet notice enrols nobody', async () => {
  const email = 'quiet@example.com';
  const lead = await becomeLead(db, { email });
  await notice(db, lead, email, 'signal', 'requested-material', 'old-events');
  await until(
    'notices are taken',
    async () => (await db.pool.query('select 1 from outbox where taken_at is null')).rowCount === 0,
  );
  expect(await runOf(lead, 'material-follow-up')).toBeUndefined();
});

test('after a merge the younger run of the same scenario exits', async () => {
  const [one, two] = ['older@example.com', 'younger@example.com'];
  const older = await becomeLead(db, { email: one });
  const younger = await becomeLead(db, { email: two });
  await notice(db, older, one, 'signal', 'signed-up-newsletter');
  await mails(one, 1);
  await driveClock(db.pool, monday('10:05'));
  await notice(db, younger, two, 'signal', 'signed-up-newsletter');
  await mails(two, 1);
  await db.pool.query('update lead set merged_into = $1 where id = $2', [older, younger]);
  await driveClock(db.pool, day('11-05', '10:10'));
  await ended(younger, 'introduction', 'merged');
  await mails(one, 2);
  expect((await runOf(older, 'introduction'))!.state).toBe('active');
});
