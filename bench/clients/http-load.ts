import net from 'node:net';
import { serveCalls } from '../support/child.js';
import { makePosts, messageIdAt, number, type Post } from '../support/posts.js';

/**
 * The load: `connections` kept alive, on each the next request as soon as the answer is there. Its own few lines instead of
 * a load tool, because every request has ids of its own and we must know which of them were answered with success, and
 * because on two cores a heavy client would be what is measured.
 */
export interface LoadRequest {
  port: number;
  connections: number;
  seconds: number;
  /** Ids go on from here, so that no two stretches send the same one. */
  firstId: number;
  posts: { count: number; perPost: number; leads: number; seed: number; writeKey: string; until: number };
  /** Requests a second over all connections; as fast as answers come when absent. */
  rate?: number;
  /** Stops after so many events. */
  atMost?: number;
}

export interface LoadAnswer {
  answered: number;
  failed: number;
  seconds: number;
  p50: number;
  p99: number;
  nextId: number;
  /** messageIds of the events in requests that were answered 2xx. */
  acked: string[];
  statuses: Record<string, number>;
}

const made = new Map<string, Post[]>();

async function load(request: LoadRequest): Promise<LoadAnswer> {
  const key = JSON.stringify(request.posts);
  const posts = made.get(key) ?? makePosts(request.posts);
  made.set(key, posts);
  const tookMs: number[] = [];
  const acked: string[] = [];
  const statuses: Record<string, number> = {};
  let nextId = request.firstId;
  let turn = 0;
  let failed = 0;
  const started = performance.now();
  const stopAt = started + request.seconds * 1000;
  const wait = request.rate ? (request.connections / request.rate) * 1000 : 0;

  await Promise.all(
    Array.from({ length: request.connections }, (_, index) => {
      const socket = net.connect({ port: request.port, host: '127.0.0.1', noDelay: true });
      let sentAt = 0;
      let post: Post;
      let due = started + (wait * index) / request.connections;
      return new Promise<void>((resolve, reject) => {
        const send = () => {
          const now = performance.now();
          if (now >= stopAt || nextId - request.firstId >= (request.atMost ?? Infinity))
            return void (socket.destroy(), resolve());
          if (wait && due > now + 0.5) return void setTimeout(send, due - now);
          due += wait;
          post = posts[turn++ % posts.length]!;
          number(post, nextId);
          nextId += post.ids.length;
          sentAt = now;
          socket.write(post.bytes);
        };
        socket.once('connect', send);
        socket.on('error', reject);
        socket.on('close', () => reject(new Error('the server closed a connection')));
        answers(socket, (status) => {
          tookMs.push(performance.now() - sentAt);
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (status >= 200 && status < 300) for (let i = 0; i < post.ids.length; i++) acked.push(messageIdAt(post, i));
          else failed++;
          send();
        });
      });
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? 0;
  return { answered: tookMs.length - failed, failed, seconds, p50: at(0.5), p99: at(0.99), nextId, acked, statuses };
}

/** One answer at a time per connection: its status as soon as the whole of it is there. */
function answers(socket: net.Socket, whole: (status: number) => void): void {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (text.length < headEnd + 4 + length) return;
    const status = Number(text.slice(9, 12));
    text = '';
    whole(status);
  });
}

serveCalls(0, { load });
