import { expect, test } from '@jest/globals';
import type { ArgumentsHost } from '@nestjs/common';
import { createLogger, DomainError } from '#libs/platform';
import { ProblemFilter } from './problem.filter.js';

/** What a client would see of this error. */
function answerTo(error: unknown): {
  status: number;
  headers: Record<string, string>;
  body: { code: string; detail: string };
} {
  const seen = { status: 0, headers: {} as Record<string, string>, body: { code: '', detail: '' } };
  const reply = {
    header(name: string, value: string) {
      seen.headers[name] = value;
      return reply;
    },
    status(code: number) {
      seen.status = code;
      return reply;
    },
    send(text: string) {
      seen.body = JSON.parse(text) as typeof seen.body;
      return reply;
    },
  };
  const http = { getResponse: () => reply, getRequest: () => ({ url: '/v1/leads?q=secret', method: 'GET' }) };
  new ProblemFilter(createLogger('test', 'silent')).catch(error, {
    switchToHttp: () => http,
  } as unknown as ArgumentsHost);
  return seen;
}

test.each([
  ['an admin shutdown', Object.assign(new Error('terminating connection'), { code: '57P01' })],
  ['a refused connection', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
  ['a lost connection', new Error('Connection terminated unexpectedly')],
])('a database that is away is a 503 to try again, not our failure: %s', (_, error) => {
  expect(answerTo(error)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '5' },
    body: { code: 'database-away' },
  });
});

test('what nobody foresaw is a 500 that shows nothing of its cause', () => {
  const answer = answerTo(new Error('password=hunter2'));
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
  expect(JSON.stringify(answer)).not.toContain('hunter2');
});

test('a refusal keeps its code, status and path; the query stays out of the instance', () => {
  const answer = answerTo(new DomainError('bad-cursor', 'Use it unchanged.', { status: 400, path: 'cursor' }));
  expect(answer).toMatchObject({
    status: 400,
    body: { code: 'bad-cursor', errors: [{ path: 'cursor' }], instance: '/v1/leads' },
  });
});
