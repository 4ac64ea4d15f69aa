import { expect, test } from '@jest/globals';
import type { JsonObject } from '#libs/leads/domain';
import { isJunkId } from './junk-id.js';
import { normalise, type Request } from './normalise.js';

test.each([
  'null',
  'undefined',
  ' NULL ',
  '"null"',
  '0',
  'anonymous',
  '[object Object]',
  'NaN',
  '00000000-0000-0000-0000-000000000000',
])('%s stands for nobody', (id) => expect(isJunkId(id)).toBe(true));
test.each(['42', '00', 'nullman', 'taro@example.jp', 'anonymous-7f3a', 'テスト'])('%s is somebody', (id) =>
  expect(isJunkId(id)).toBe(false),
);

const request = {
  ...{ source: { id: 'site', idSpace: 'main', formEvents: new Set(), urgentEvents: new Set() }, batch: {} },
  ...{ receivedAt: Date.UTC(2026, 0, 1), eventId: (id: string) => id, newMessageId: () => 'm', ip: () => undefined },
} as unknown as Request;
const told = (event: JsonObject) => normalise({ type: 'identify', messageId: 'm', ...event }, request);

test('a placeholder is no key: the event stays with its browser, and says which field was left out', () => {
  const answer = told({ userId: 'undefined', anonymousId: 'b1', traits: { email: 'a@x.jp' } });
  expect(answer).toMatchObject({ ok: true, junk: ['userId'], event: { anonymousId: 'b1', email: 'a@x.jp' } });
  expect((answer as { event: object }).event).not.toHaveProperty('userId');
});

test('with nothing but placeholders it is refused by field; alias refuses them too', () => {
  expect(told({ userId: 'null', anonymousId: 'undefined' })).toMatchObject({
    ok: false,
    code: 'junk-id',
    path: 'anonymousId',
  });
  expect(told({ userId: 0 })).toMatchObject({ ok: false, code: 'junk-id', path: 'userId' });
  expect(told({ type: 'alias', userId: '42', previousId: 'guest' })).toMatchObject({
    ok: false,
    code: 'no-previous-id',
  });
});
