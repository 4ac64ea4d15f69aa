import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backOffMs } from './back-off.js';
import { laneOf } from './lane.js';

test('waits double from two seconds to ten minutes, spread by a tenth', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.uuid(), (attempt, id) => {
      const full = Math.min(600_000, 2_000 * 2 ** Math.min(attempt - 1, 20));
      expect(backOffMs(attempt, id)).toBeLessThanOrEqual(full);
      expect(backOffMs(attempt, id)).toBeGreaterThanOrEqual(full * 0.9);
      expect(backOffMs(attempt, id)).toBe(backOffMs(attempt, id));
    }),
  );
});

test('I26: mails and each channel of alerts have lanes of their own', () => {
  const lanes = [
    laneOf({ purpose: 'nurture', channel: 'email' }),
    ...(['email', 'slack', 'webhook'] as const).map((channel) => laneOf({ purpose: 'alert', channel })),
  ];
  expect(new Set(lanes).size).toBe(4);
});
