import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalLead, makeZone, type LeadEvent } from '#libs/leads/domain';
import { countSkippedLinks, listSkippedLinks, readLead, rebuild, verify } from '#libs/projection';
import { createMetrics } from '#libs/platform';
import type { TestDatabase } from '#test/database';
import { ProjectorMetrics } from '../../apps/projector/src/projector-metrics.js';
import { testSignals } from '../oracle/histories.js';
import { naiveFold } from '../oracle/naive-fold.js';
import { canonicalLeads, emptyTables, Projecting } from './projecting.js';
import { eventsAt, stageProjection } from './stage.js';

const now = Date.now();
const seed = Number(process.env['FC_SEED'] ?? 20_260_122);
const numRuns = Number(process.env['FC_RUNS'] ?? 60);

let db: TestDatabase;
let projecting: Projecting;
stageProjection((staged) => ({ db, projecting } = staged));

const event = eventsAt(now);

test('one id that every site visitor shares takes 50 keys and no more; the rest is skipped, listed, and each stays himself', async () => {
  const link = (index: number) =>
    event(`link${index}`, {
      ...{ type: 'identify', links: true, userId: 'main:shared', email: `p${index}@x.jp` },
      occurredAt: now - 100_000 + index,
    });
  await projecting.apply(Array.from({ length: 300 }, (_, index) => link(index)));
  expect((await readLead(db.pool, { key: 'u:main:shared' }))!.keys).toHaveLength(50);
  expect((await readLead(db.pool, { key: 'e:p299@x.jp' }))!.keys).toEqual(['e:p299@x.jp']);
  const skipped = await listSkippedLinks(db.pool, 1_000, undefined);
  expect(skipped).toHaveLength(251);
  expect(new Set(skipped.map(({ reason }) => reason))).toEqual(new Set(['key-limit']));
  const metrics = createMetrics('projector');
  new ProjectorMetrics([metrics], () => countSkippedLinks(db.pool));
  expect(await metrics.metrics()).toMatch(/^leadfold_links_skipped\{.*reason="key-limit".*\} 251$/m);
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], identityDifferences: 0 });
});

test('a kiosk on which as many people identify as may joins nobody, and each gets what he did there', async () => {
  await projecting.end();
  projecting = new Projecting(db, 'Asia/Tokyo', { browserLimit: 200 });
  const people = Array.from({ length: 200 }, (_, index) => {
    const at = now - 10_000_000 + index * 1_000;
    return [
      event(`who${index}`, {
        type: 'identify',
        links: true,
        anonymousId: 'kiosk',
        userId: `main:${index}`,
        occurredAt: at,
        properties: {},
      }),
      event(`view${index}`, { anonymousId: 'kiosk', occurredAt: at + 1 }),
    ];
  }).flat();
  for (let from = 0; from < people.length; from += 1_000) await projecting.apply(people.slice(from, from + 1_000));
  const kiosk = (await readLead(db.pool, { key: 'a:kiosk' }))!;
  expect([kiosk.mixed, kiosk.keys]).toEqual([true, ['a:kiosk']]);
  for (const index of [0, 99, 199]) {
    const person = (await readLead(db.pool, { key: `u:main:${index}` }))!;
    expect(person.keys).toEqual([`u:main:${index}`]);
    expect(person.state.lastAt).toBe(now - 10_000_000 + index * 1_000 + 1);
  }
  expect(await verify(projecting.pool, projecting.context)).toMatchObject({ differences: [], identityDifferences: 0 });
}, 120_000);

const key = fc.constantFrom('e:a@x.jp', 'e:b@x.jp', 'u:main:1', 'u:main:2', 'u:main:3');
const deeds = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('merge' as const), a: key, b: key }),
    fc.record({ kind: fc.constant('apart' as const), a: key, b: key }),
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('undo' as const), which: fc.nat() }) },
    fc.record({ kind: fc.constant('redo' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('lift' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('view' as const), a: key }),
    fc.record({ kind: fc.constant('browse' as const), b: fc.constantFrom('b1', 'b2') }),
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('identify' as const), a: key, b: fc.constantFrom('b1', 'b2') }),
    },
  ),
  { minLength: 4, maxLength: 30 },
);

const fieldsOf = (subject: string): Partial<LeadEvent> =>
  subject.startsWith('u:') ? { userId: subject.slice(2) } : { email: subject.slice(2) };

/** An operator's day: merges, un-merges, un-merges withdrawn, aparts and lifts, one batch each. */
function told(drawn: typeof deeds extends fc.Arbitrary<infer T> ? T : never): LeadEvent[] {
  const events: LeadEvent[] = [];
  const of = (type: string) => events.filter((one) => one.type === type);
  const pick = (list: LeadEvent[], which: number) => list[which % Math.max(1, list.length)];
  drawn.forEach((deed, index) => {
    const at = { occurredAt: now - 1_000_000 + index * 1_000 };
    const add = (fields: Partial<LeadEvent>) =>
      events.push(event(`deed${index}`, { ...at, properties: {}, ...fields }));
    if (deed.kind === 'merge' || deed.kind === 'apart') add({ type: deed.kind, ...fieldsOf(deed.a), otherKey: deed.b });
    else if (deed.kind === 'view') add({ ...fieldsOf(deed.a), properties: { path: '/products/a' } });
    else if (deed.kind === 'browse') add({ anonymousId: deed.b, properties: { path: '/products/b' } });
    else if (deed.kind === 'identify') add({ type: 'identify', links: true, ...fieldsOf(deed.a), anonymousId: deed.b });
    else if (deed.kind === 'undo') {
      const target = pick([...of('merge'), ...of('identify')], deed.which);
      if (target) add({ type: 'unmerge', refersTo: target.id });
    } else {
      const target = pick(of(deed.kind === 'redo' ? 'unmerge' : 'apart'), deed.which);
      if (target) add({ type: 'retraction', name: 'withdrawn', refersTo: target.id });
    }
  });
  return events;
}

test('I8, I10: random merges, un-merges, aparts, lifts and browsers of too many people leave what the naive fold says at every moment, and a rebuild changes nothing', async () => {
  const done = { unmerge: 0, apart: 0, merge: 0, retraction: 0, returned: 0 };
  await fc.assert(
    fc.asyncProperty(deeds, fc.constantFrom(1, 1, 2, 50), async (drawn, browserLimit) => {
      await emptyTables(db.pool);
      const events = told(drawn);
      const folding = new Projecting(db, 'Asia/Tokyo', { browserLimit });
      let wereNobodys = 0;
      try {
        for (const [index, one] of events.entries()) {
          await folding.apply([one]);
          const { rows } = await db.pool.query<{ browsers: number }>(
            'select count(distinct anon)::int as browsers from skipped_identification',
          );
          if (rows[0]!.browsers < wereNobodys) done.returned += 1;
          wereNobodys = rows[0]!.browsers;
          if (index % 5 !== 4 && index !== events.length - 1) continue;
          const expected = [
            ...naiveFold(events.slice(0, index + 1), testSignals, makeZone('Asia/Tokyo'), {
              keyLimit: 50,
              browserLimit,
            }),
          ];
          expect(await canonicalLeads(db.pool)).toEqual(
            expected.map(([keys, state]) => canonicalLead([keys], state)).sort(),
          );
        }
        expect(await rebuild(folding.pool, folding.context)).toMatchObject({ corrected: 0, relinked: 0 });
        for (const { type } of events) if (type in done) done[type as keyof typeof done] += 1;
      } finally {
        await folding.end();
      }
    }),
    { seed, numRuns },
  );
  process.stdout.write(`seed ${seed}, ${numRuns} cases, ${JSON.stringify(done)}\n`);
  for (const [type, times] of Object.entries(done))
    expect({ type, often: times > numRuns / (type === 'returned' ? 10 : 3) }).toEqual({ type, often: true });
}, 180_000);
