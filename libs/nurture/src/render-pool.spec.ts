import { afterAll, expect, test } from '@jest/globals';
import { DomainError } from '#libs/platform';
import { forgiven } from './mail-policy.js';
import { RenderPool } from './render-pool.js';

const pool = new RenderPool();
afterAll(() => pool.close());

const render = (html: string, context: Record<string, unknown> = {}) =>
  pool.render({ key: html, subject: 'Hello {{ lead.company }}', html, context });

test('S6: what a lead says about itself is text, in the body and once in the subject', async () => {
  const rendered = await render('<p>{{ lead.company }}</p>', { lead: { company: '<script>&"' } });
  expect(rendered.html).toBe('<p>&lt;script&gt;&amp;&#34;</p>');
  expect(rendered.subject).toBe('Hello <script>&"');
  expect(rendered.text).toContain('<script>&"');
});

test.each([
  [{ family_name: '山田', given_name: '太郎' }, '山田 太郎 様'],
  [{ family_name: '山田様' }, '山田 様'],
  [{ company: 'アクメ株式会社' }, 'アクメ株式会社 ご担当者様'],
  [{}, 'ご担当者様'],
])('the salutation of %j is %s', async (lead, expected) => {
  expect((await render('{{ lead | sama }}', { lead })).html).toBe(expected);
});

test('S7: no constructor, no file, no raw output', async () => {
  expect((await render('[{{ lead.constructor.name }}{{ lead.__proto__ }}]', { lead: {} })).html).toBe('[]');
  await expect(render('{{ lead.x | raw }}', { lead: {} })).rejects.toMatchObject({ code: 'template-failed' });
  await expect(render("{% include '.env' %}", {})).rejects.toMatchObject({ code: 'template-failed' });
  expect((await render('{{ "javascript:alert(1)" | url }}{{ "https://a.example/?x=1" | url }}')).html).toBe(
    'https://a.example/?x=1',
  );
});

test('S7: an endless template costs itself a second at the most, and the mails beside it nothing', async () => {
  const endless = render('{% for i in (1..100000000) %}{% for j in (1..100000000) %}{% endfor %}{% endfor %}');
  const beside = render('<p>fine</p>');
  await expect(endless).rejects.toMatchObject({ code: expect.stringMatching(/template-(failed|timeout)/) });
  expect((await beside).html).toBe('<p>fine</p>');
});

test('S7: a render that outlasts its time costs the thread its life, in its batch and alone, and fails as a timeout', async () => {
  const hasty = new RenderPool(1);
  const long = '<table><tr><td><p>word &amp; word</p></td></tr></table>'.repeat(5_000);
  await expect(
    hasty.render({ key: 'long', subject: 's', html: long, context: {} }).then(() => 'rendered'),
  ).rejects.toMatchObject({ code: 'template-timeout' });
  await hasty.close();
});

test('a mail that met a busy machine is tried again; a template that is always late fails, and one that is wrong fails at once', () => {
  const late = new DomainError('template-timeout', 'late');
  const wrong = new DomainError('template-failed', 'wrong');
  expect(forgiven(late, 1)).not.toBeInstanceOf(DomainError);
  expect(forgiven(late, 5)).toBe(late);
  expect(forgiven(wrong, 1)).toBe(wrong);
});
