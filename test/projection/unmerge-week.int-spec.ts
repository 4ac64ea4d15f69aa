import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventIdOf, driveClock } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { readLead, rebuild, reviewDue, verify } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

const monday = Date.UTC(2026, 5, 8, 1);
const hour = 3_600_000;
const day = 24 * hour;

/** Real: PostgreSQL, two databases on driven clocks: in one the operator merged two people for a week, in the other never. */
const places: { db: TestDatabase; projecting: Projecting }[] = [];
beforeAll(async () => {
  for (const db of [await createTestDatabase(), await createTestDatabase()]) {
    await publishTestRulebook(db.pool);
    places.push({ db, projecting: new Projecting(db) });
  }
});
afterAll(async () => {
  for (const { db, projecting } of places) {
    await projecting.end();
    await db.drop();
  }
});

const at = (when: number, name: string, fields: Partial<LeadEvent>): LeadEvent => ({
  id: eventIdOf('test', name),
  type: 'page',
  source: 'test',
  occurredAt: when,
  receivedAt: when,
  properties: { path: `/products/${name.length}` },
  ...fields,
});

const hanako = { email: 'hanako@a.jp', anonymousId: 'h-pc' };
const taro = { email: 'taro@b.jp', userId: 'main:7', anonymousId: 't-pc' };

/** What both do on one day: as themselves, on browsers of their own, and on one that both use. */
function dayOf(index: number): LeadEvent[] {
  const noon = monday + index * day;
  const says = (who: typeof hanako, hours: number, browser: string): LeadEvent =>
    at(noon + hours * hour, `says ${who.email} ${index} ${hours}`, {
      ...who,
      anonymousId: browser,
      type: 'identify',
      links: true,
      properties: {},
      traits: { company: `${who.email} ${index}` },
    });
  return [
    at(noon, `h ${index}`, { email: hanako.email }),
    at(noon + hour, `h anon ${index}`, { anonymousId: hanako.anonymousId }),
    at(noon + hour, `t ${index}`, { userId: taro.userId }),
    at(noon + 2 * hour, `t form ${index}`, {
      email: taro.email,
      type: 'track',
      name: 'Material Requested',
      properties: {},
    }),
    says(hanako, 2, index % 2 === 0 ? 'shared' : hanako.anonymousId),
    at(noon + 3 * hour, `shared ${index}`, { anonymousId: 'shared' }),
    says(taro, 4, index % 2 === 0 ? 'shared' : taro.anonymousId),
    at(noon + 5 * hour, `shared later ${index}`, { anonymousId: 'shared' }),
  ];
}

test('I8, I9: two people merged by mistake, a week of what they do, and the un-merge: hashes as if they had never been merged', async () => {
  const [merged, never] = places as [(typeof places)[0], (typeof places)[0]];
  const merge = at(monday + 7 * hour, 'merge', {
    type: 'merge',
    email: hanako.email,
    otherKey: `e:${taro.email}`,
    properties: {},
  });
  for (let index = 0; index < 9; index += 1) {
    const evening = monday + index * day + 6 * hour;
    for (const { db, projecting } of places) {
      await driveClock(db.pool, new Date(evening));
      while ((await reviewDue(projecting.pool, projecting.context)) > 0);
      await projecting.apply(dayOf(index));
    }
    if (index === 0) await merged.projecting.apply([merge]);
    if (index === 4)
      expect((await readLead(merged.db.pool, { key: `e:${hanako.email}` }))!.keys).toEqual(
        expect.arrayContaining([`e:${hanako.email}`, `e:${taro.email}`, `u:${taro.userId}`]),
      );
    if (index === 7)
      await merged.projecting.apply([
        at(evening, 'unmerge', { type: 'unmerge', refersTo: merge.id, properties: { reason: 'two people' } }),
      ]);
  }
  const now = monday + 30 * day;
  const hashes = async ({ db, projecting }: (typeof places)[0]): Promise<string[]> => {
    await driveClock(db.pool, new Date(now));
    const found: string[] = [];
    expect(
      await verify(projecting.pool, projecting.context, {
        now,
        onLead: (keys, hash) => found.push(`${keys.join(' ')} ${hash}`),
      }),
    ).toMatchObject({ differences: [], identityDifferences: 0, pending: [] });
    return found.sort();
  };
  const expected = await hashes(never);
  // both of them, and the browser that is nobody's own
  expect(expected).toHaveLength(3);
  expect(await hashes(merged)).toEqual(expected);
  // and a rebuild, which knows of the merge only what the events say, agrees
  await rebuild(merged.projecting.pool, merged.projecting.context);
  expect(await hashes(merged)).toEqual(expected);
}, 60_000);
