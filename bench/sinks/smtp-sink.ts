import net from 'node:net';
import { serveCalls, sharedNow } from '../support/child.js';

/** A mail server that takes everything, keeps counts per recipient and one mail as a sample, and costs next to nothing. */
let counts = new Map<string, number>();
let total = 0;
let lastAt = 0;
let sample = '';

const greeting = '220 sink\r\n';
const hello = '250-sink\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n';
const endOfData = Buffer.from('\r\n.\r\n');

const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  let rest: Buffer = Buffer.alloc(0);
  let recipient = '';
  let inData = false;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const end = inData ? rest.indexOf(endOfData) : rest.indexOf('\r\n');
      if (end < 0) return;
      if (inData) {
        if (!sample) sample = rest.toString('utf8', 0, end);
        rest = rest.subarray(end + endOfData.length);
        inData = false;
        counts.set(recipient, (counts.get(recipient) ?? 0) + 1);
        total += 1;
        lastAt = sharedNow();
        socket.write('250 taken\r\n');
        continue;
      }
      const line = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
      socket.write(answerTo(line));
    }
  });
  function answerTo(line: string): string {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO' || verb === 'HELO') return hello;
    if (verb === 'RCPT') recipient = /<([^>]*)>/.exec(line)?.[1] ?? '';
    if (verb === 'QUIT') return '221 bye\r\n';
    inData = verb === 'DATA';
    return inData ? '354 go on\r\n' : '250 ok\r\n';
  }
  socket.write(greeting);
});

server.listen(0, '127.0.0.1', () =>
  serveCalls((server.address() as net.AddressInfo).port, {
    reset: () => {
      counts = new Map();
      total = lastAt = 0;
    },
    total: () => ({ total, lastAt }),
    counts: () => counts,
    sample: () => sample,
  }),
);
