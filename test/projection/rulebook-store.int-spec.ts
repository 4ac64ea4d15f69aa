import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ensureDefaultRulebook, liveRulebook, publish, saveVersion, shippedRulebook, versions } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());

test('the shipped rulebook is published once, however many processes start together', async () => {
  await Promise.all([1, 2, 3].map(() => ensureDefaultRulebook(db.pool)));
  expect(await versions(db.pool)).toMatchObject([{ version: 1, live: true, createdBy: 'system' }]);
  expect((await liveRulebook(db.pool)).version).toBe(1);
});

test('a saved version changes nothing until it is published, and an old one can be published again', async () => {
  const document = shippedRulebook();
  document.score.minimum = 5;
  const version = await saveVersion(db.pool, document, 'tester', 'higher floor');
  expect((await liveRulebook(db.pool)).version).toBe(1);
  await publish(db.pool, version, 'tester', 'try it');
  expect((await liveRulebook(db.pool)).score.minimum).toBe(50);
  await publish(db.pool, 1, 'tester', 'revert');
  expect((await versions(db.pool)).map(({ version, live }) => [version, live])).toEqual([
    [2, false],
    [1, true],
  ]);
  const audited = await db.pool.query<{ action: string }>(
    `select action from audit_log where actor = 'tester' order by id`,
  );
  expect(audited.rows.map((row) => row.action)).toEqual(['rulebook.save', 'rulebook.publish', 'rulebook.publish']);
});

test('a faulty document is refused with the path of each error', async () => {
  const document = shippedRulebook();
  document.engagement[0]!.signal = 'nothing';
  await expect(saveVersion(db.pool, document, 'tester')).rejects.toMatchObject({
    code: 'rulebook-invalid',
    options: { errors: [{ path: 'engagement.0.signal', code: 'unknown-signal' }] },
  });
  await expect(publish(db.pool, 99, 'tester')).rejects.toMatchObject({ code: 'rulebook-unknown' });
});
