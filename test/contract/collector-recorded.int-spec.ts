import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventIdOf } from '#libs/platform';
import { startCollector, type CollectorUnderTest } from './collector-fixture.js';

interface Recorded {
  method: string;
  path: string;
  rawHeaders: string[];
  rawBase64?: string;
  body?: { messageId?: string; batch?: { messageId: string }[] } | null;
}

const folder = new URL('./recorded-requests/', import.meta.url);
const recordings = fs.readdirSync(folder).filter((name) => name.endsWith('.json'));
let collector: CollectorUnderTest;
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.stop());

/** The bytes as they were on the wire; only the connection is not kept open. */
function replay(request: Recorded): Promise<{ status: number; head: string }> {
  const headers: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    if (request.rawHeaders[i]!.toLowerCase() !== 'connection') headers.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
  const body = Buffer.from(request.rawBase64 ?? '', 'base64');
  const chunked = headers.some((line) => /^transfer-encoding: *chunked/i.test(line));
  const framed = chunked ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]) : body;
  return new Promise((resolve, reject) => {
    const socket = net.connect(collector.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const head = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')[0]!;
      resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase() });
    });
    socket.write(`${request.method} ${request.path} HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`);
    socket.write(framed);
  });
}

function expectedStatus(file: string, request: Recorded): number {
  if (file.startsWith('snowplow')) return 404;
  if (file.includes('MISSING-apiKey')) return 401;
  return request.method === 'OPTIONS' ? 204 : 200;
}

describe.each(recordings)('%s', (file) => {
  const { requests } = JSON.parse(fs.readFileSync(new URL(file, folder), 'utf8')) as { requests: Recorded[] };
  test.each(requests.map((request, index) => [`${index + 1} ${request.method} ${request.path}`, request] as const))(
    'answers %s',
    async (_name, request) => {
      const { status, head } = await replay(request);
      expect(status).toBe(expectedStatus(file, request));
      const origin = request.rawHeaders[request.rawHeaders.findIndex((name) => name.toLowerCase() === 'origin') + 1];
      const crossSite = request.rawHeaders.some((name) => name.toLowerCase() === 'origin');
      if (crossSite) expect(head).toContain(`access-control-allow-origin: ${origin}`);
    },
  );
});

test('I1: every accepted message of every client is on the log under its own id', async () => {
  const sent = new Set<string>();
  for (const file of recordings) {
    const { requests } = JSON.parse(fs.readFileSync(new URL(file, folder), 'utf8')) as { requests: Recorded[] };
    for (const request of requests) {
      if (request.method !== 'POST' || expectedStatus(file, request) !== 200) continue;
      const items = request.body?.batch ?? (request.body ? [request.body] : []);
      for (const item of items) if (item.messageId) sent.add(eventIdOf('site', item.messageId));
    }
  }
  const stored = await collector.stored();
  expect(sent.size).toBeGreaterThan(15);
  expect([...sent].filter((id) => !stored.some(({ event }) => event.id === id))).toEqual([]);
  const rudder = stored.find(({ event }) => event.type === 'identify' && event.email === 'yamada@example.co.jp');
  expect(rudder?.topic).toMatch(/urgent/);
  expect(JSON.stringify(stored)).not.toContain('$direct');
  const form = stored.find(({ event }) => event.name === '資料請求' && event.links);
  expect(form?.event).toMatchObject({ email: 'yamada@example.co.jp', userId: 'main:u-1' });
});
