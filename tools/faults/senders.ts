import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '#tools/traffic/random';
import type { PlannedEvent } from './plan.js';
import type { Recorder } from './recorder.js';

export interface SendOptions {
  collectorUrl: string;
  writeKey: string;
  senders: number;
  /** Items per second over all senders, asked before each batch. */
  rate: () => number;
  seed: number;
  recorder: Recorder;
  signal: AbortSignal;
  onProgress?: (sent: number) => void;
}

/** Several senders at once, each in batches of 1 to 40, as SDKs send: what fails or gets no answer is sent again. */
export async function sendAll(items: readonly PlannedEvent[], options: SendOptions): Promise<number> {
  let next = 0;
  let done = 0;
  let slot = performance.now();
  const one = async (index: number): Promise<void> => {
    const random = new Random(options.seed + index);
    while (next < items.length && !options.signal.aborted) {
      const from = next;
      const to = (next = Math.min(items.length, from + random.between(1, 40)));
      slot = Math.max(performance.now() - 2_000, slot + ((to - from) / options.rate()) * 1000);
      const early = slot - performance.now();
      if (early > 0) await sleep(early, undefined, { signal: options.signal }).catch(() => undefined);
      await sendUntilAccepted(items.slice(from, to), options, random);
      done += to - from;
      options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: options.senders }, (_, index) => one(index)));
  return done;
}

async function sendUntilAccepted(batch: PlannedEvent[], options: SendOptions, random: Random): Promise<void> {
  const { recorder, signal } = options;
  const ids = batch.map((event) => event.messageId);
  for (let attempt = 0; !signal.aborted; attempt++) {
    recorder.attempted(ids);
    const again = await post(batch, options).then(
      ({ status, rejected }) => {
        recorder.answered(ids, status, rejected);
        return status !== 200;
      },
      (error: Error) => {
        recorder.unanswered(ids, reasonOf(error));
        return true;
      },
    );
    if (!again) return;
    await sleep(Math.min(2_000, 100 * 2 ** attempt) * (0.5 + random.next()), undefined, { signal }).catch(
      () => undefined,
    );
  }
}

const reasonOf = (error: Error): string => {
  const cause = error.cause as { code?: string } | undefined;
  return cause?.code ?? error.name;
};

interface Verdicts {
  errors?: { index: number; reason: string }[];
}

/** The time of the first attempt stays with a message, as an SDK keeps it, duplicates included. */
const bornAt = new WeakMap<PlannedEvent, number>();

function timeOf(event: PlannedEvent): string {
  const at = bornAt.get(event) ?? Date.now();
  bornAt.set(event, at);
  return new Date(at - event.ageMs).toISOString();
}

async function post(batch: PlannedEvent[], options: SendOptions) {
  const body = {
    batch: batch.map((event) => ({ ...event, ageMs: undefined, timestamp: timeOf(event) })),
    sentAt: new Date().toISOString(),
  };
  const response = await fetch(`${options.collectorUrl}/v1/batch`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${options.writeKey}:`).toString('base64')}`,
      'content-type': 'application/json',
      'x-debug': '1',
    },
    body: JSON.stringify(body),
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(15_000)]),
  });
  const text = await response.text();
  const verdicts = response.status === 200 ? (JSON.parse(text) as Verdicts) : {};
  return {
    status: response.status,
    rejected: new Map((verdicts.errors ?? []).map(({ index, reason }) => [index, reason])),
  };
}
