import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inPipelinedTransaction, sqlStateOf, StatementPipeline, WrittenValue } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';

/** Real: PostgreSQL. */
let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.pool.query('create table said (word text primary key, number bigint)');
});
afterAll(() => db.drop());

const say = (client: StatementPipeline, word: string, number = 0) =>
  client.query({ name: 'say', text: 'insert into said values ($1, $2)', values: [word, number] });
const said = async (): Promise<string[]> =>
  (await db.pool.query<{ word: string }>('select word from said order by word')).rows.map(({ word }) => word);

test('statements asked for together run in that order, and each sees those before it', async () => {
  const counts = await inPipelinedTransaction(db.pool, async (client) => {
    const count = () => client.query<{ n: number }>({ name: 'count', text: 'select count(*) as n from said' });
    const answers = [count(), say(client, 'a', 9_007_199_254_740_991), count(), say(client, 'b'), count()];
    return (await Promise.all(answers)).map(({ rowCount, rows }) => [rowCount, (rows[0] as { n: number })?.n]);
  });
  expect(counts).toEqual([
    [1, 0],
    [1, undefined],
    [1, 1],
    [1, undefined],
    [1, 2],
  ]);
  const read = inPipelinedTransaction(db.pool, (client) =>
    Promise.all([
      client.query({ text: 'select * from said order by word', rowMode: 'array' }),
      client.query('select null as nothing, $1::bytea as bytes, true as yes', [Buffer.from([0, 255])]),
    ]),
  );
  expect((await read).map(({ rows }) => rows)).toEqual([
    [
      ['a', 9_007_199_254_740_991],
      ['b', 0],
    ],
    [{ nothing: null, bytes: Buffer.from([0, 255]), yes: true }],
  ]);
});

test('what was asked for with a statement that fails fails with its error, and the transaction is undone', async () => {
  const states: unknown[] = [];
  const failing = inPipelinedTransaction(db.pool, async (client) => {
    const answers = [say(client, 'c'), say(client, 'a'), say(client, 'd')];
    for (const answer of await Promise.allSettled(answers))
      states.push(answer.status === 'rejected' ? sqlStateOf(answer.reason) : answer.status);
    await say(client, 'e');
  });
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  expect(states).toEqual(['fulfilled', '23505', '23505']);
  expect(await said()).toEqual(['a', 'b']);
});

test('a failure that nobody waits for fails the transaction, however it is passed over', async () => {
  const left = inPipelinedTransaction(db.pool, (client) => {
    client.later(say(client, 'a'));
    return Promise.resolve('done');
  });
  await expect(left).rejects.toMatchObject({ code: '23505' });
  const passedOver = inPipelinedTransaction(db.pool, async (client) => {
    await say(client, 'a').catch(() => undefined);
  });
  await expect(passedOver).rejects.toMatchObject({ code: '23505' });
  await expect(inPipelinedTransaction(db.pool, (client) => client.query('select $1', [{}]))).rejects.toThrow(TypeError);
  expect(await said()).toEqual(['a', 'b']);
});

test('what was asked for before an error of our own, and not sent yet, is never sent', async () => {
  const failing = inPipelinedTransaction(db.pool, async (client) => {
    await client.query('select 1');
    client.later(say(client, 'after the rollback'));
    throw new TypeError('ours');
  });
  await expect(failing).rejects.toThrow('ours');
  const underWay = inPipelinedTransaction(db.pool, async (client) => {
    await client.query('select 1');
    client.later(say(client, 'under way'));
    await new Promise((turn) => process.nextTick(turn));
    client.later(say(client, 'gathered behind it'));
    throw new TypeError('ours');
  });
  await expect(underWay).rejects.toThrow('ours');
  expect(await said()).toEqual(['a', 'b']);
});

test('after an error between savepoints the transaction goes on, with statements that were and were not prepared', async () => {
  await inPipelinedTransaction(db.pool, async (client) => {
    await client.query('savepoint here');
    const unknown = { name: 'unknown', text: 'select word from said where word = $1', values: ['a'] };
    await expect(Promise.all([say(client, 'a'), client.query(unknown)])).rejects.toMatchObject({ code: '23505' });
    await client.query('rollback to savepoint here');
    expect((await client.query(unknown)).rows).toEqual([{ word: 'a' }]);
    client.later(say(client, 'f'));
  });
  expect(await said()).toEqual(['a', 'b', 'f']);
});

test('values are written as they are sent; one that cannot be written fails what was to travel with it, and nothing else', async () => {
  const bytes = Buffer.from([1, 2, 3]);
  const written = new WrittenValue(10, (into, at) => at + bytes.copy(into, at));
  const endless = new WrittenValue(1, (into, at) => into.writeInt32BE(2 ** 40, at));
  const long = 'ä'.repeat(50_000);
  const passedOver = inPipelinedTransaction(db.pool, async (client) => {
    const unsent = Promise.all([say(client, 'g'), client.query('select $1::bytea', [endless])]);
    await expect(unsent).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    await say(client, 'i').catch(() => undefined);
  });
  await expect(passedOver).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  const read = inPipelinedTransaction(db.pool, (client) =>
    client.query('select $1::bytea as a, $2 as b, $3::bytea as c', [written, long, written]),
  );
  expect((await read).rows).toEqual([{ a: bytes, b: long, c: bytes }]);
  expect((await db.pool.query('select $1::bytea as a', [written])).rows).toEqual([{ a: bytes }]);
  expect(await said()).toEqual(['a', 'b', 'f']);
});

test('a connection that is lost fails everything under way', async () => {
  const lost = inPipelinedTransaction(db.pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const answers = [say(client, 'g'), client.query('select pg_sleep(20)'), say(client, 'h')];
    client.later(db.pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]));
    expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    await Promise.all(answers);
  });
  await expect(lost).rejects.toThrow();
  expect(await said()).toEqual(['a', 'b', 'f']);
});

test('the driver is never asked while it is busy: what is asked meanwhile goes together, once the answer is there', async () => {
  const client = await db.pool.connect();
  const sent = { flights: 0, busy: 0, most: 0 };
  type Flight = Record<'handleReadyForQuery' | 'handleError', (error: Error) => void>;
  const query = client.query.bind(client) as unknown as (flight: Flight) => void;
  const watched = {
    getTypeParser: client.getTypeParser.bind(client),
    query: (flight: Flight) => {
      sent.flights += 1;
      sent.most = Math.max(sent.most, (sent.busy += 1));
      // the driver tells a failed one of its error only
      for (const end of ['handleReadyForQuery', 'handleError'] as const) {
        const ended = flight[end].bind(flight);
        flight[end] = (error) => {
          sent.busy -= 1;
          ended(error);
        };
      }
      query(flight);
    },
  };
  try {
    const pipeline = new StatementPipeline(watched as never);
    const asked: Promise<unknown>[] = [];
    for (let number = 0; number < 5; number += 1) {
      asked.push(pipeline.query('select $1::int', [number]));
      await new Promise((turn) => process.nextTick(turn));
    }
    const failing = pipeline.query('select 1 / 0');
    await expect(failing).rejects.toThrow('division by zero');
    await expect(pipeline.query('select 7 as n')).resolves.toMatchObject({ rows: [{ n: 7 }] });
    await Promise.allSettled(asked);
    expect(sent).toEqual({ flights: 3, busy: 0, most: 1 });
  } finally {
    client.release();
  }
});
