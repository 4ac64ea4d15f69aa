import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import PostalMime from 'postal-mime';
import { EmailChannel, type Delivery, type RenderedMail } from '#libs/delivery';
import { AlertReactor, alertMail, alertSlackMessage, handoffConfig } from '#libs/handoff';
import { parseConfig } from '#libs/platform';
import { alertContent, type AlertInput } from '#libs/handoff/domain';
import { cross, plainReader, startActing } from '#test/acting';
import { createTestDatabase } from '#test/database';
import { mailsDue } from '#test/mails-due';
import { plainMail } from '#test/plain-mail';
import { HttpSink, SmtpSink } from '#test/sinks';
import { until } from '#test/until';

let sink: SmtpSink;
beforeAll(async () => {
  sink = await new SmtpSink().start();
});
afterAll(() => sink.stop());
beforeEach(() => {
  sink.received.length = 0;
});

const delivery = (recipient: string, payload: Record<string, unknown> = {}): Delivery => ({
  id: '6a3f1f6e-8f1b-5b1c-9c1d-0a0b0c0d0e0f',
  key: 'k',
  purpose: 'nurture',
  channel: 'email',
  lead: 1,
  subjectKey: 'a:1',
  recipient,
  run: null,
  step: null,
  crossing: null,
  attempt: 1,
  repeats: 0,
  payload,
  createdAt: new Date(0),
  leaseToken: '',
  claimedAt: 0,
});
async function send(recipient: string, mail: Partial<RenderedMail>) {
  const channel = new EmailChannel({
    url: sink.url,
    maxConnections: 1,
    from: { name: 'Example', address: 'news@example.com' },
    render: async () => ({ subject: 'Hello', html: '<p>Hello</p>', text: 'Hello', ...mail }),
  });
  try {
    const opened = await channel
      .open(delivery(recipient))
      .catch((error: { code: string }) => ({ kind: 'thrown' as const, code: error.code }));
    return opened.kind === 'open' ? await opened.send() : opened;
  } finally {
    await channel.close();
  }
}

test.each([
  'a@example.com\r\nRCPT TO:<evil@example.com>',
  'a@example.com,evil@example.com',
  '"a b"@example.com',
  '<a@example.com>',
  'a@example.com ',
  'a@@example.com',
  'a@exa mple.com',
  '-oX@',
  'a\u0000@example.com',
  'group:a@example.com;',
])('S6: %j is no address that is mailed', async (address) => {
  expect(await send(address, {})).toMatchObject({ kind: 'failed', reason: 'bad-address' });
  expect(sink.received).toEqual([]);
});

test('S6: line breaks in subject and names make no header and no recipient', async () => {
  const evil = 'Hi\r\nBcc: evil@example.com\r\n\r\n<script>';
  expect(
    await send('lead@example.com', { subject: evil, toName: `${evil}" <evil@example.com>`, fromName: evil }),
  ).toMatchObject({ kind: 'sent' });
  expect(sink.received[0]).toMatchObject({ from: 'news@example.com', to: ['lead@example.com'] });
  const parsed = await PostalMime.parse(sink.received[0]!.raw);
  expect(parsed.bcc ?? []).toEqual([]);
  expect(parsed.headers.some((header) => header.key === 'bcc')).toBe(false);
  expect(parsed.to?.map((to) => to.address)).toEqual(['lead@example.com']);
  expect(parsed.from?.address).toBe('news@example.com');
});

test('S6: a header with a line break is refused, not cleaned', async () => {
  const headers = { 'List-Unsubscribe': '<https://example.com/u/x>\r\nBcc: evil@example.com' };
  expect(await send('lead@example.com', { headers })).toEqual({ kind: 'thrown', code: 'bad-header' });
  expect(await send('lead@example.com', { headers: { 'X-A: b\r\nBcc': 'evil@example.com' } })).toEqual({
    kind: 'thrown',
    code: 'bad-header',
  });
});

const evilText = `<img src=x onerror=alert(1)>&"'<!channel> <https://evil.example|click> *b*`;
const evilInput: AlertInput = {
  crossing: 'c',
  lead: 1,
  at: 0,
  timeZone: 'Asia/Tokyo',
  who: { name: evilText, company: evilText, position: evilText, email: evilText },
  rules: [{ name: evilText, conditions: [evilText] }],
  score: { total: 0, engagement: 0, fit: 0, grade: evilText },
  lines: [{ label: evilText, points: 1 }],
  actions: [{ at: 0, label: evilText }],
  links: [{ label: evilText, url: 'https://example.com/"><script>|x>' }],
};

test.each(['ja', 'en'] as const)('S6: nothing a lead supplied is markup in an alert (%s)', (locale) => {
  const alert = delivery('sales@example.com', { content: alertContent(evilInput, locale) });
  const { html } = alertMail(alert);
  expect(html).not.toMatch(/<img|<script|onerror=alert\(1\)>|<!channel/);
  expect(
    html.match(
      /<(?!\/?(?:!doctype html|html lang="(?:ja|en)"|body style="font-family:sans-serif"|body|html|h2|h3|p|ul|li|a href="[^"<>]*")>|\/a>)/gi,
    ),
  ).toBeNull();
  const slack = JSON.stringify(alertSlackMessage(alert).blocks.slice(1));
  expect(slack).not.toContain('<!channel>');
  expect(slack).not.toContain('<https://evil.example');
});

test('S8: neither log nor fact names an address, a secret or a webhook URL', async () => {
  const db = await createTestDatabase();
  const hook = await new HttpSink().start();
  let logged = '';
  const log = pino(
    { level: 'trace' },
    new Writable({ write: (chunk: Buffer, _encoding, done) => ((logged += chunk.toString()), done()) }),
  );
  const secret = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;
  const env = {
    SMTP_URL: sink.url,
    ALERT_WEBHOOK_URL: `${hook.url}/very-secret-path`,
    ALERT_WEBHOOK_SECRETS: secret,
    ALERT_SLACK_WEBHOOK_URL: 'http://10.0.0.1/services/very-secret-slack',
  };
  const acting = await startActing(db, env, {
    log,
    mailPolicy: plainMail,
    handlers: [new AlertReactor(parseConfig(handoffConfig, env), plainReader)],
  });
  hook.answer = () => ({ status: 500 });
  sink.refuse = (address) => ({ code: 550, text: `5.1.1 ${address} unknown` });
  await cross(db);
  await mailsDue(db.pool, ['private.person@example.com']);
  await until(
    'all were tried',
    async () =>
      (await db.pool.query('select 1 from delivery where attempt > 0')).rowCount === 3 &&
      logged.includes('trying again'),
  );
  await until(
    'the mail bounced',
    async () => (await db.pool.query("select 1 from delivery where reason = 'bounced'")).rowCount === 1,
  );
  await acting.stop();
  const errors = await db.pool.query<{ last_error: string | null }>('select last_error from delivery');
  const told = logged + errors.rows.map((row) => row.last_error).join();
  for (const word of ['private.person', secret, 'very-secret', 'taro@example.com', '田中'])
    expect(told).not.toContain(word);
  await hook.stop();
  await db.drop();
});
