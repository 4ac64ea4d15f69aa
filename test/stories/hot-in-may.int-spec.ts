import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { driveClock } from '#libs/platform';
import type { LeadEvent } from '#libs/leads/domain';
import { ensureDefaultRulebook, sweepJudgements } from '#libs/projection';
import { createTestDatabase } from '#test/database';
import { Projecting } from '../projection/projecting.js';
import { chapters, decided, endOfStory, sato } from './hot-in-may.js';
import { guidePart, seenIn, whyOf } from './rendering.js';
import { hashesOf, Telling, tokyo } from './telling.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const day = 86_400_000;

describe('a visitor in March, identified in April, hot in May, cooled as told, hot again in June', () => {
  let telling: Telling;
  const events: LeadEvent[] = [];
  beforeAll(async () => (telling = await Telling.begin(tokyo('2026-03-01 00:00'))));
  afterAll(() => telling?.end());

  test.each(chapters)('$on $told', async ({ on, told: sentence, does, says }) => {
    await telling.goTo(tokyo(on));
    if (does.length > 0) events.push(...(await telling.happen(...does)));
    const key = on < '2026-04' ? 'a:browser-of-sato' : sato;
    const told = await telling.explain(key);
    expect(whyOf(told)).toEqual(says.why);
    const sum = Object.values(says.why).reduce((total, points) => total + Math.round(points * 10), 0);
    expect([told.explanation.score.total, sum]).toEqual([says.score * 10, says.score * 10]);
    expect(told.explanation.temperature).toBe(says.temperature);
    expect(told.explanation.hotUntil).toBe(says.hotUntil === undefined ? null : tokyo(says.hotUntil));
    // what was decided and stored by itself, without anybody asking
    const { temperature, stage, epoch, armed } = says;
    expect(await telling.standing(key)).toEqual({ temperature, stage, epoch, armed });
    const alerts = await telling.alerts();
    expect(alerts).toHaveLength(says.alerts);
    for (const alert of alerts) expect(alert).toContain('The five conditions');
    const shown = seenIn({ on, told: sentence }, told);
    expect(guidePart(on, shown)).toBe(shown);
  });

  test('every chapter can be told again afterwards, as it was told then', async () => {
    for (const { on, says } of chapters) {
      const key = on < '2026-04' ? 'a:browser-of-sato' : sato;
      const now = await telling.explain(key, tokyo(on));
      expect([whyOf(now), now.explanation.temperature, now.explanation.stage.name]).toEqual([
        says.why,
        says.temperature,
        says.stage,
      ]);
      expect(now.memory).toMatchObject({ epoch: says.epoch, armed: says.armed });
    }
  });

  test('nothing was decided but what was told', async () => {
    const { rows } = await telling.db.pool.query<{
      body: { decision: string; name: string; to: string | null; cause: string; quiet: boolean };
      at: Date;
    }>(
      `select body, occurred_at as at from event where kind = 'decision' and body->>'decision' <> 'memory' order by occurred_at, body->>'decision' desc, id`,
    );
    const told = rows.map(({ body, at }) => [
      body.decision,
      body.to,
      new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 10),
      body.cause,
      body.quiet ? 'quiet' : 'loud',
    ]);
    expect(told.sort()).toEqual([...decided].sort());
  });

  test('I8: the same events shuffled, doubled and split over three projectors end in the same hash', async () => {
    await telling.goTo(endOfStory);
    const expected = await hashesOf(telling.projecting, endOfStory);
    expect(expected).toHaveLength(1);
    for (let round = 0; round < 5; round += 1) {
      const random = randomFrom(seed + round);
      const db = await createTestDatabase();
      await driveClock(db.pool, new Date(endOfStory));
      await ensureDefaultRulebook(db.pool);
      const projectors = [0, 1, 2].map(() => new Projecting(db));
      try {
        const arriving = shuffled([...events, ...events], random);
        await Promise.all(
          projectors.map(async (projecting, partition) => {
            const own = arriving.filter((_, index) => index % 3 === partition);
            for (let from = 0; from < own.length; from += 2)
              await projecting.apply(own.slice(from, from + 2), partition);
          }),
        );
        await sweepJudgements(db.pool, projectors[0]!.context);
        expect({ seed: seed + round, hashes: await hashesOf(projectors[0]!, endOfStory) }).toEqual({
          seed: seed + round,
          hashes: expected,
        });
      } finally {
        await Promise.all(projectors.map((projecting) => projecting.end()));
        await db.drop();
      }
    }
    // and another history has another hash
    expect(await hashesOf(telling.projecting, endOfStory + 3 * day)).not.toEqual(expected);
  }, 60_000);
});

function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [items[index], items[other]] = [items[other]!, items[index]!];
  }
  return items;
}
