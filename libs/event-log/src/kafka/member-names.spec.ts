import { expect, test } from '@jest/globals';
import { forgetConsumer, isDead, nameConsumer, type Whereabouts } from './member-names.js';

const me: Whereabouts = { host: 'app-1', pids: 'aaaaaaaa', pid: 40 };
const nobody = new Set<string>();
const running = (pid: number) => pid === 41;
const dead = (name: string) => isDead(name, me, nobody, running);

test('a member whose process is gone is dead, one whose process runs is not', () => {
  expect(dead('leadfold-app-1-aaaaaaaa-39-00000001')).toBe(true);
  expect(dead('leadfold-app-1-aaaaaaaa-41-00000001')).toBe(false);
});

test('a pid of another namespace or machine says nothing here', () => {
  expect(dead('leadfold-app-1-bbbbbbbb-39-00000001')).toBe(false);
  expect(dead('leadfold-app-2-bbbbbbbb-39-00000001')).toBe(false);
});

test('a container that was started again counts pids anew and has its name and its pid', () => {
  expect(dead('leadfold-app-1-bbbbbbbb-40-00000001')).toBe(true);
  expect(dead('leadfold-app-2-bbbbbbbb-40-00000001')).toBe(false);
});

test('a pid that was given again names nobody else who lives', () => {
  expect(dead('leadfold-app-1-aaaaaaaa-40-00000001')).toBe(true);
});

test('clients with other names are never taken for dead', () => {
  for (const name of ['leadfold', 'kafkajs', '', 'leadfold-app-1-39', 'leadfold-app-1-aaaaaaaa-x-00000001'])
    expect(dead(name)).toBe(false);
});

test('consumers of this process live until they are forgotten; a host name may be anything', () => {
  const [one, other] = [nameConsumer(), nameConsumer()];
  expect(one).not.toBe(other);
  expect([isDead(one), isDead(other)]).toEqual([false, false]);
  forgetConsumer(one);
  expect([isDead(one), isDead(other)]).toEqual([true, false]);
  forgetConsumer(other);
  expect(dead('leadfold-a-b-1.example.com-aaaaaaaa-39-00000001')).toBe(true);
});
