import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePort } from './ports.js';
import { end, identify, isAlive, startDetached } from './processes.js';
import { ServiceError } from './progress-lines.js';
import { logFile, logTail, readRecord, writeRecord, type PartRecord, type ServiceSet } from './service-set.js';

export const redisUrl = (record: PartRecord) => `redis://127.0.0.1:${record.port}`;

export async function startRedis(set: ServiceSet): Promise<PartRecord> {
  const known = readRecord(set, 'redis');
  const folder = path.join(set.folder, 'redis');
  fs.mkdirSync(folder, { recursive: true });
  if (known) {
    if (await isAlive(known.process)) return known;
    const unrecorded = await pidServing(known.port, folder);
    if (unrecorded) return { ...known, process: await identify(unrecorded) };
  }
  const port = await choosePort(known?.port ?? set.ports.redis);
  writeRecord(set, 'redis', { port });
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
    // idle, it looks for work of its own so often a second: timeouts of waiting clients end up to a fifth of a second late
    '--hz',
    '5',
  ];
  args.push('--appendonly', 'yes', '--appendfsync', 'everysec');
  const process = await startDetached('redis-server', args, { log: logFile(set, 'redis'), cwd: folder });
  const record = { port, process };
  writeRecord(set, 'redis', record);
  for (const deadline = Date.now() + 30_000; ; await sleep(30)) {
    if (
      await checkRedis(redisUrl(record)).then(
        () => true,
        () => false,
      )
    )
      return record;
    if (Date.now() < deadline && (await isAlive(process))) continue;
    throw new ServiceError(`Redis does not start:\n${logTail(logFile(set, 'redis'))}`, `See ${logFile(set, 'redis')}`);
  }
}

/** A value set and got. */
export async function checkRedis(url: string): Promise<void> {
  const key = `leadfold:health:${randomBytes(6).toString('hex')}`;
  const [, got] = await redisCall(url, [
    ['SET', key, 'here', 'EX', '60'],
    ['GET', key],
    ['DEL', key],
  ]);
  if (got !== 'here') throw new Error(`Redis answered ${JSON.stringify(got)}`);
}

export async function flushRedis(url: string): Promise<void> {
  await redisCall(url, [['FLUSHALL']]);
}

export async function stopRedis(record: PartRecord, kill = false): Promise<void> {
  await end(record.process, 10_000, kill ? 'SIGKILL' : 'SIGTERM');
}

async function pidServing(port: number, folder: string): Promise<number | undefined> {
  try {
    const [dir, info] = await redisCall(`redis://127.0.0.1:${port}`, [
      ['CONFIG', 'GET', 'dir'],
      ['INFO', 'server'],
    ]);
    if (!dir?.includes(folder)) return undefined;
    return Number(/process_id:(\d+)/.exec(info ?? '')?.[1]) || undefined;
  } catch {
    return undefined;
  }
}

/** The few words of RESP that a health check needs; the real client belongs to the job queue alone. */
export function redisCall(url: string, commands: string[][]): Promise<(string | null)[]> {
  const target = new URL(url);
  const calls = target.password
    ? [
        [
          'AUTH',
          ...(target.username ? [decodeURIComponent(target.username)] : []),
          decodeURIComponent(target.password),
        ],
        ...commands,
      ]
    : commands;
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(target.port || 6379), target.hostname);
    let buffer = Buffer.alloc(0);
    socket.setTimeout(3_000, () => socket.destroy(new Error('Redis does not answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('Redis closed the connection')));
    socket.on('connect', () => {
      for (const call of calls) {
        socket.write(`*${call.length}\r\n${call.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
      }
    });
    socket.on('data', (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk]);
      try {
        const replies = readReplies(buffer, calls.length);
        if (!replies) return;
        resolve(replies.slice(calls.length - commands.length));
      } catch (error) {
        reject(error as Error);
      }
      socket.destroy();
    });
  });
}

function readReplies(buffer: Buffer, count: number): (string | null)[] | undefined {
  let at = 0;
  const line = () => {
    const stop = buffer.indexOf('\r\n', at);
    if (stop < 0) return undefined;
    const text = buffer.toString('utf8', at, stop);
    at = stop + 2;
    return text;
  };
  const value = (): string | null | undefined => {
    const head = line();
    if (head === undefined) return undefined;
    const body = head.slice(1);
    if (head[0] === '-') throw new Error(`Redis: ${body}`);
    if (head[0] === '$') {
      const length = Number(body);
      if (length < 0) return null;
      if (buffer.length < at + length + 2) return undefined;
      const text = buffer.toString('utf8', at, at + length);
      at += length + 2;
      return text;
    }
    if (head[0] !== '*') return body;
    const items: string[] = [];
    for (let i = 0; i < Number(body); i++) {
      const item = value();
      if (item === undefined) return undefined;
      items.push(item ?? '');
    }
    return items.join(' ');
  };
  const replies: (string | null)[] = [];
  while (replies.length < count) {
    const reply = value();
    if (reply === undefined) return undefined;
    replies.push(reply);
  }
  return replies;
}
