import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { needsOf } from '#tools/checks/needs';
import { withLock } from '#tools/services/lock';
import { choosePort } from '#tools/services/ports';
import { identify, isAlive } from '#tools/services/processes';
import { AppProcess } from '#tools/supervisor/app-process';
import { readableLine } from '#tools/supervisor/log-lines';

const plain = (text: string) => text.replace(/\u001b\[\d+m/g, '');

test('a log line for a terminal: app, time, message, fields; what is no JSON stays', () => {
  const line = JSON.stringify({
    level: 'info',
    time: '2026-04-01T09:30:00.000Z',
    service: 'api',
    msg: 'listening',
    port: 1,
  });
  expect(plain(readableLine('api', line))).toBe('api         09:30:00 listening port=1');
  expect(plain(readableLine('projector-2', 'Error: x'))).toBe('projector-2 Error: x');
});

test('a process is known by pid and start time: a pid given to another is not ours', async () => {
  const me = await identify(process.pid);
  expect(await isAlive(me)).toBe(true);
  expect(await isAlive({ pid: process.pid, startedAt: '1' })).toBe(false);
});

test('a lock lets one in at a time and is taken over from a dead holder', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-lock-')), 'lock');
  fs.writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
  let inside = 0;
  let most = 0;
  const work = () =>
    withLock(
      file,
      () => undefined,
      async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      },
    );
  await Promise.all([work(), work(), work()]);
  expect(most).toBe(1);
  expect(fs.readdirSync(path.dirname(file))).toEqual([]);
  fs.rmdirSync(path.dirname(file));
});

test('a port in use is stepped over', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const taken = (server.address() as net.AddressInfo).port;
  expect(await choosePort(taken, { step: 1 })).toBeGreaterThan(taken);
  server.close();
});

test('a suite says by what it reads which real parts it needs', () => {
  const suite = (name: string) => [...needsOf(path.resolve(import.meta.dirname, name))].sort();
  expect(suite('local-services.int-spec.ts')).toEqual(['kafka', 'redis']);
  expect(suite('docker-files.spec.ts')).toEqual([]);
  expect(suite('../contract/event-log.kafka.int-spec.ts')).toEqual(['kafka']);
});

test('an app that never comes up is tried three times and given up with its last words', async () => {
  const pauses: number[] = [];
  const lastWords = await new Promise<string[]>((resolve) =>
    new AppProcess(
      { name: 'collector', app: 'collector', port: 1, env: {} },
      { PATH: process.env['PATH'] },
      {
        line: () => undefined,
        started: () => undefined,
        restarting: (_name, _how, afterMs) => void pauses.push(afterMs),
        failed: (_name, _how, lines) => resolve(lines),
      },
    ).start(),
  );
  expect(pauses).toEqual([250, 500]);
  expect(lastWords.join('\n')).toContain('DATABASE_URL');
}, 20_000);
