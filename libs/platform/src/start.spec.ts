import type { IncomingMessage } from 'node:http';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { mayReadMetrics, parseConfig, reasonOf } from './index.js';

const failureOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('a failed start names every missing variable, and shows no value', () => {
  const schema = z.object({ DATABASE_URL: z.url(), SECRET: z.string().min(32) });
  const reason = reasonOf(failureOf(() => parseConfig(schema, { SECRET: 'hunter2' })));
  expect(reason).toContain('DATABASE_URL');
  expect(reason).toContain('SECRET');
  expect(reason).not.toContain('hunter2');
  expect(reason).not.toContain('    at ');
});

test('a failed start says what to do about a port in use', () => {
  const error = Object.assign(new Error('listen EADDRINUSE: address already in use 127.0.0.1:1'), {
    code: 'EADDRINUSE',
  });
  expect(reasonOf(error)).toBe(
    'listen EADDRINUSE: address already in use 127.0.0.1:1 (another process listens there; stop it or choose another port)',
  );
  const refused = Object.assign(new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')]), {
    code: 'ECONNREFUSED',
  });
  expect(reasonOf(refused)).toContain('connect ECONNREFUSED 127.0.0.1:1');
});

test('what nobody foresaw keeps its stack', () => {
  expect(reasonOf(new TypeError('x is not a function'))).toContain('    at ');
});

const request = (remoteAddress: string, headers: Record<string, string> = {}) =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

test.each([
  ['this machine', request('127.0.0.1'), undefined, true],
  ['this machine over IPv6', request('::ffff:127.0.0.1'), undefined, true],
  ['another machine', request('10.0.0.9'), undefined, false],
  ['a proxy on this machine', request('127.0.0.1', { 'x-forwarded-for': '203.0.113.9' }), undefined, false],
  ['another machine with the token', request('10.0.0.9', { authorization: 'Bearer t0ken' }), 't0ken', true],
  ['another machine with another token', request('10.0.0.9', { authorization: 'Bearer other' }), 't0ken', false],
  ['this machine without the token that is set', request('127.0.0.1'), 't0ken', false],
])('metrics and %s', (_, asked, token, allowed) => {
  expect(mayReadMetrics(asked, token)).toBe(allowed);
});
