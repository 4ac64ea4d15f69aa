import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '#tools/traffic/random';

export interface OperatorOptions {
  apiUrl: string;
  apiKey: string;
  seed: number;
  leads: number;
  /** Ids of events that the collector accepted: what can be withdrawn. */
  acceptedEvents: () => string[];
  signal: AbortSignal;
}

/** What marketing and sales did meanwhile, and which facts the api answered for. */
export interface OperatorAccount {
  accepted: string[];
  answers: Map<number, number>;
  lost: number;
}

/** Marketing and sales at work through the api: outcomes, merges and their withdrawal, retractions, reads. */
export async function operate(options: OperatorOptions): Promise<OperatorAccount> {
  const random = new Random(options.seed);
  const account: OperatorAccount = { accepted: [], answers: new Map(), lost: 0 };
  const merged: string[] = [];
  for (let nth = 0; !options.signal.aborted; nth++) {
    // the busiest leads first: those that are known already
    const lead = Math.floor(options.leads * random.next() ** 4);
    const key = `e:lead${lead}@faults.example`;
    const order = random.weighted<() => Promise<string[]>>([
      [() => post(`/v1/leads/${encodeURIComponent(key)}/outcomes`, outcome(random), `call-${nth}`), 5],
      [
        () =>
          post('/v1/merges', {
            keys: [key, `e:lead${(lead + 7) % options.leads}@faults.example`],
            reason: 'same person',
          }).then((ids) => (merged.push(...ids), ids)),
        1,
      ],
      [
        () =>
          merged.length
            ? post('/v1/unmerges', { event: merged.shift()!, reason: 'not the same after all' })
            : read('/v1/leads?limit=20'),
        1,
      ],
      [() => post('/v1/retractions', { event: random.pick(options.acceptedEvents()), reason: 'test traffic' }), 1],
      [() => read(`/v1/leads/${encodeURIComponent(key)}/timeline`), 1],
      [() => read('/v1/leads?limit=20'), 1],
    ]);
    await order().then(
      (events) => account.accepted.push(...events),
      () => (account.lost += 1),
    );
    await sleep(random.between(50, 400), undefined, { signal: options.signal }).catch(() => undefined);
  }
  return account;

  async function call(path: string, init: RequestInit): Promise<string> {
    const response = await fetch(`${options.apiUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${options.apiKey}`, 'content-type': 'application/json', ...init.headers },
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    account.answers.set(response.status, (account.answers.get(response.status) ?? 0) + 1);
    return response.ok ? text : '{}';
  }

  async function post(path: string, body: unknown, idempotencyKey?: string): Promise<string[]> {
    const text = await call(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: idempotencyKey ? { 'idempotency-key': idempotencyKey } : {},
    });
    const answer = JSON.parse(text) as { eventId?: string; events?: string[] };
    return answer.events ?? (answer.eventId ? [answer.eventId] : []);
  }

  async function read(path: string): Promise<string[]> {
    await call(path, { method: 'GET' });
    return [];
  }
}

function outcome(random: Random): Record<string, unknown> {
  return random.weighted<Record<string, unknown>>([
    [{ outcome: 'contacted' }, 6],
    [{ outcome: 'meeting' }, 2],
    [{ outcome: 'rejected', reason: 'student' }, 2],
    [{ outcome: 'opportunity', likelihood: 40, nextActionDate: '2027-01-15' }, 1],
    [{ outcome: 'won', value: 1_200_000 }, 0.5],
  ]);
}
