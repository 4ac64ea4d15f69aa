import { workload, type ClientEvent } from './workload.js';

/** One POST as bytes. Each place in `ids` holds a messageId of which the last twelve digits are written anew for every send. */
export interface Post {
  bytes: Buffer;
  ids: number[];
}

const tailDigits = 12;

/** Requests of the written-down workload, `perPost` events each; 1 makes single calls. */
export function makePosts(options: {
  count: number;
  perPost: number;
  leads: number;
  seed: number;
  writeKey: string;
  until: number;
}): Post[] {
  const items = workload({
    leads: options.leads,
    events: options.count * options.perPost,
    seed: options.seed,
    until: options.until,
    duplicates: 0,
  });
  const events = [...items].flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  return Array.from({ length: options.count }, (_, index) =>
    postOf(events.slice(index * options.perPost, (index + 1) * options.perPost), options),
  );
}

function postOf(
  events: ClientEvent[],
  { perPost, writeKey, until }: { perPost: number; writeKey: string; until: number },
): Post {
  const wire = events.map(({ timestamp, ...event }) => ({ ...event, timestamp: new Date(timestamp).toISOString() }));
  const sentAt = new Date(until).toISOString();
  const body = JSON.stringify(perPost === 1 ? { ...wire[0], sentAt } : { batch: wire, sentAt });
  const path = perPost === 1 ? `/v1/${events[0]!.type}` : '/v1/batch';
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ].join('\r\n');
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`);
  let at = 0;
  const ids = events.map(
    ({ messageId }) => (at = bytes.indexOf(`"messageId":"${messageId}`, at) + `"messageId":"`.length),
  );
  return { bytes, ids };
}

/** Stamps the post with numbers from `first` on. */
export function number(post: Post, first: number): void {
  for (const [index, at] of post.ids.entries())
    post.bytes.write(
      (first + index).toString(16).padStart(tailDigits, '0'),
      at + 36 - tailDigits,
      tailDigits,
      'latin1',
    );
}

export const messageIdAt = (post: Post, index: number): string =>
  post.bytes.toString('latin1', post.ids[index]!, post.ids[index]! + 36);
