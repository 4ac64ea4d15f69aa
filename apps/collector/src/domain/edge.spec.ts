import { expect, test } from '@jest/globals';
import { applyIpPolicy } from './client-ip.js';
import { scan } from './scan.js';
import { timesOf } from './times.js';

test.each([
  ['203.0.113.77', 'truncate', '203.0.113.0'],
  ['::ffff:203.0.113.77', 'truncate', '203.0.113.0'],
  ['2001:db8:85a3::8a2e:370:7334', 'truncate', '2001:db8:85a3::'],
  ['::1', 'truncate', '0:0:0::'],
  ['203.0.113.77', 'keep', '203.0.113.77'],
  ['203.0.113.77', 'drop', undefined],
  ['nowhere', 'keep', undefined],
] as const)('the address %s under %s is %s', (address, policy, expected) => {
  expect(applyIpPolicy(address, policy)).toBe(expected);
});

const now = Date.UTC(2026, 0, 10);
test.each([
  ['neither time', {}, {}, 0],
  ['a time without sentAt', { timestamp: '2026-01-09T00:00:00Z' }, {}, 86_400_000],
  ['a time of the future without sentAt', { timestamp: '2027-01-09T00:00:00Z' }, {}, 0],
  ['a clock a year ahead', { timestamp: '2027-01-09T00:00:00Z', sentAt: '2027-01-09T00:00:05Z' }, {}, 5_000],
  [
    'originalTimestamp before timestamp',
    { originalTimestamp: '2026-01-01T00:00:00Z', timestamp: '2026-01-02T00:00:00Z' },
    { sentAt: '2026-01-01T00:00:01Z' },
    1_000,
  ],
])('%s: the age at receipt is right', (_name, event, batch, ageMs) => {
  expect(timesOf(event, batch as never, undefined, now)).toMatchObject({ ok: true, occurredAt: now - ageMs });
});

test('the scan counts depth and keys outside of strings only', () => {
  expect(scan(Buffer.from('{"a":"{[:\\"{","b":[{"c":1},{"d":2,"e":3}]}'))).toMatchObject({
    depth: 3,
    keys: 5,
    itemKeys: 2,
    suspicious: false,
  });
});
