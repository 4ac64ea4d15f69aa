import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createOutboundAgent } from '#libs/delivery';
import { mayReach, parseAllowList } from '#libs/delivery/domain';
import { post } from '../../libs/delivery/src/channels/http-post.js';
import type { Resolve } from '../../libs/delivery/src/channels/outbound.js';

let port: number;
let hits = 0;
const server = createServer((request, response) => {
  hits += 1;
  if (request.url === '/redirect') response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` }).end();
  else response.writeHead(200).end('ok');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const closed = parseAllowList('');
const go = (url: string, allow = closed, resolve?: Resolve) =>
  post(createOutboundAgent(allow, resolve), new URL(url), { 'content-type': 'application/json' }, '{}');
const answers = (...lists: string[][]): Resolve => {
  let call = 0;
  return (_host, _options, callback) =>
    callback(
      null,
      lists[Math.min(call++, lists.length - 1)]!.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
};
const refused = { kind: 'failed', reason: 'address-refused' };

test.each([
  '127.0.0.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '2130706433',
  '0x7f.1',
  '0.0.0.0',
  '[::]',
  '169.254.169.254',
  '[64:ff9b::7f00:1]',
])('S3: the literal %s is not reached', async (host) => {
  const before = hits;
  expect(await go(`http://${host}:${port}/`)).toMatchObject(refused);
  expect(hits).toBe(before);
});

test('S3: a name that resolves to an inner address is not reached', async () => {
  expect(await go(`http://innocent.example:${port}/`, closed, answers(['127.0.0.1']))).toMatchObject(refused);
  expect(
    await go(`http://innocent.example:${port}/`, closed, answers(['10.0.0.1', '192.168.1.1', 'fd00::1'])),
  ).toMatchObject(refused);
  expect(await go(`http://localhost:${port}/`)).toMatchObject(refused);
});

test('S3: an answer that changes between look-ups (rebinding) is checked where the socket connects', async () => {
  const before = hits;
  const rebinding = answers(['93.184.215.14'], ['127.0.0.1']);
  rebinding('innocent.example', { all: true }, () => undefined);
  expect(await go(`http://innocent.example:${port}/`, closed, rebinding)).toMatchObject(refused);
  expect(hits).toBe(before);
});

test('S3: a redirect is an answer, not a way in', async () => {
  const before = hits;
  expect(await go(`http://127.0.0.1:${port}/redirect`, parseAllowList('127.0.0.1'))).toMatchObject({ status: 302 });
  expect(hits).toBe(before + 1);
});

test('S3: no proxy variable is followed', async () => {
  process.env['HTTP_PROXY'] = process.env['http_proxy'] = `http://127.0.0.1:${port}`;
  const before = hits;
  try {
    await go('http://innocent.example/', closed, answers(['10.0.0.1']));
  } finally {
    delete process.env['HTTP_PROXY'];
    delete process.env['http_proxy'];
  }
  expect(hits).toBe(before);
});

test('S3: the allow-list opens hosts, addresses and blocks, and nothing beside them', async () => {
  expect(await go(`http://127.0.0.1:${port}/`, parseAllowList('127.0.0.0/8'))).toMatchObject({ status: 200 });
  expect(
    await go(`http://hook.intranet:${port}/`, parseAllowList('hook.intranet'), answers(['127.0.0.1'])),
  ).toMatchObject({ status: 200 });
  expect(
    await go(`http://other.intranet:${port}/`, parseAllowList('hook.intranet'), answers(['127.0.0.1'])),
  ).toMatchObject(refused);
  expect(mayReach('93.184.215.14', closed)).toBe(true);
  expect(mayReach('2606:2800:21f:cb07:6820:80da:af6b:8b2c', closed)).toBe(true);
  expect(mayReach('not an address', closed)).toBe(false);
});

test.each([
  '10.1.2.3',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '192.0.2.1',
  '240.0.0.1',
  'fe80::1',
  'fc00::1',
  'ff02::1',
  '2002:7f00:1::',
  '2001:db8::1',
  '64:ff9b::a00:1',
  '::ffff:10.0.0.1',
])('S3: %s is not public', (address) => expect(mayReach(address, closed)).toBe(false));
