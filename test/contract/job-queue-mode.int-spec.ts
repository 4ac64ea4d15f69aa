import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { assertQueueMode } from '#libs/job-queue';
import { createTestDatabase, type TestDatabase } from '#test/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

test('the queue of the first start is recorded, and another one is refused by name', async () => {
  await assertQueueMode(database.pool, 'redis');
  await assertQueueMode(database.pool, 'redis');
  await expect(assertQueueMode(database.pool, 'postgres')).rejects.toThrow('JOB_QUEUE=redis');
});
