import { expect, test } from '@jest/globals';
import { eventIdOf, sqlStateOf, type PoolClient } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { BatchProjection, prepareOffset } from '#libs/projection';
import type { TestDatabase } from '#test/database';
import { log, Projecting, storedRecord } from './projecting.js';
import { stageProjection } from './stage.js';

const now = Date.now();

/** Real: PostgreSQL. Two batches bring the same in opposite order, and both are stopped half way by a lock of ours. */
let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const visit = (prefix: string, browser: number): LeadEvent => ({
  id: eventIdOf('test', `${prefix}${browser}`),
  type: 'page',
  source: 'test',
  occurredAt: now - 60_000,
  receivedAt: now,
  anonymousId: `b${String(browser).padStart(3, '0')}`,
  properties: { path: '/' },
});
const visits = (prefix: string): LeadEvent[] => Array.from({ length: 101 }, (_, browser) => visit(prefix, browser));

const waiting = async (): Promise<number> =>
  (
    await db.pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  ).rowCount!;
async function untilWaiting(count: number): Promise<void> {
  while ((await waiting()) < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function holding(sql: string, work: (release: () => Promise<void>) => Promise<void>): Promise<void> {
  const holder = await db.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(sql);
    await work(async () => void (await holder.query('rollback')));
  } finally {
    await holder.query('rollback');
    holder.release();
  }
}

/** How often each of the two had to be repeated. */
async function applyAgainstEachOther(hold: string, left: LeadEvent[], right: LeadEvent[]): Promise<number[]> {
  const repeats: number[] = [];
  await holding(hold, async (release) => {
    const applying = [left, right].map(async (events, partition) => {
      const { next } = await prepareOffset(db.pool, projecting.topic, partition);
      const batches = new BatchProjection(projecting.pool, projecting.context, log, (_, __, times) =>
        repeats.push(times),
      );
      const records = events.map((event, index) => storedRecord(event, next + index));
      await batches.apply(projecting.batchOf(partition, records));
    });
    await untilWaiting(2);
    await release();
    await Promise.all(applying);
  });
  return repeats;
}

test('no deadlock over leads: rows are locked in the order of their ids, whatever the order of arrival', async () => {
  await projecting.apply(visits('first'), 5);
  const hold = `select 1 from lead l join subject_key s on s.lead = l.id where s.key = 'a:b050' for update of l`;
  expect(await applyAgainstEachOther(hold, visits('left'), visits('right').reverse())).toEqual([0, 0]);
});

test('no deadlock over new keys: they are minted in order', async () => {
  const hold = `insert into subject_key values ('a:b050', 1000000)`;
  expect(await applyAgainstEachOther(hold, visits('left'), visits('right').reverse())).toEqual([0, 0]);
});

test('no deadlock over event ids: the same events on two partitions', async () => {
  const middle = [...visits('same')].map((event) => event.id).sort()[50]!;
  const hold = `insert into event (id, kind, type, source, occurred_at, received_at, batch, body) values ('${middle}', 'x', 'x', 'x', now(), now(), 0, '{}')`;
  expect(await applyAgainstEachOther(hold, visits('same'), visits('same').reverse())).toEqual([0, 0]);
  expect((await db.pool.query('select 1 from event')).rowCount).toBe(101);
});

test('the control: rows locked in the order of arrival do deadlock here', async () => {
  await projecting.apply(visits('first'), 5);
  const keys = visits('x').map((event) => `a:${event.anonymousId}`);
  const lockOneByOne = async (client: PoolClient, ordered: string[]): Promise<string | undefined> => {
    await client.query('begin');
    try {
      for (const key of ordered)
        await client.query(
          'select 1 from lead l join subject_key s on s.lead = l.id where s.key = $1 for update of l',
          [key],
        );
      return undefined;
    } catch (error) {
      return sqlStateOf(error);
    } finally {
      await client.query('rollback');
    }
  };
  const clients = [await db.pool.connect(), await db.pool.connect()] as const;
  await holding(
    `select 1 from lead l join subject_key s on s.lead = l.id where s.key = 'a:b050' for update of l`,
    async (release) => {
      const locking = [lockOneByOne(clients[0], keys), lockOneByOne(clients[1], [...keys].reverse())];
      await untilWaiting(2);
      await release();
      expect((await Promise.all(locking)).filter(Boolean)).toEqual(['40P01']);
    },
  );
  for (const client of clients) client.release();
});
