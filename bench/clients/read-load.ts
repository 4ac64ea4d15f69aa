import net from 'node:net';
import { serveCalls } from '../support/child.js';

/** GETs on kept-alive connections, the next one as soon as the answer is there. */
export interface ReadRequest {
  port: number;
  connections: number;
  seconds: number;
  /** Asked for in turn. */
  paths: string[];
  authorization: string;
}

export interface ReadAnswer {
  answered: number;
  seconds: number;
  p50: number;
  p99: number;
  statuses: Record<string, number>;
  /** The first answer that was not 200, or else the first. */
  example: string;
}

async function read({ port, connections, seconds, paths, authorization }: ReadRequest): Promise<ReadAnswer> {
  const requests = paths.map((path) =>
    Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\n\r\n`),
  );
  const tookMs: number[] = [];
  const statuses: Record<string, number> = {};
  let example = '';
  let turn = 0;
  const started = performance.now();
  const stopAt = started + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, () => {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
      let sentAt = 0;
      return new Promise<void>((resolve, reject) => {
        const send = () => {
          sentAt = performance.now();
          if (sentAt >= stopAt) return void (socket.destroy(), resolve());
          socket.write(requests[turn++ % requests.length]!);
        };
        socket.once('connect', send);
        socket.on('error', reject);
        socket.on('close', () => reject(new Error('the server closed a connection')));
        wholeAnswers(socket, (status, body) => {
          tookMs.push(performance.now() - sentAt);
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (example === '' || (status !== 200 && statuses[status] === 1)) example = body;
          send();
        });
      });
    }),
  );
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? 0;
  const took = (performance.now() - started) / 1000;
  return { answered: tookMs.length, seconds: took, p50: at(0.5), p99: at(0.99), statuses, example };
}

/** One answer at a time per connection, with a content-length. */
function wholeAnswers(socket: net.Socket, whole: (status: number, body: string) => void): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (text.length < headEnd + 4 + length) return;
    const [status, body] = [Number(text.slice(9, 12)), text.slice(headEnd + 4)];
    text = '';
    whole(status, body);
  });
}

serveCalls(0, { read });
