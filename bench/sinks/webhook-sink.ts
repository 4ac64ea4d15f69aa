import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveCalls, sharedNow } from '../support/child.js';

/** Answers 200 to every POST and keeps when it came and what it said. */
export interface SinkPost {
  at: number;
  body: string;
}

const posts: SinkPost[] = [];
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    posts.push({ at: sharedNow(), body: Buffer.concat(chunks).toString('utf8') });
    response.end('ok');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () =>
  serveCalls((server.address() as AddressInfo).port, {
    take: () => posts.splice(0),
    count: () => posts.length,
  }),
);
