import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalLead, indexSignals, makeZone } from '#libs/leads/domain';
import { histories, testSignals, type History } from './histories.js';
import { IncrementalFold } from './incremental-fold.js';
import { naiveFold, type Leads } from './naive-fold.js';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2_147_483_647);
const numRuns = Number(process.env['FC_RUNS'] ?? 3000);
const index = indexSignals(testSignals);

const canonical = (leads: Leads): string[] => [...leads].map(([keys, state]) => canonicalLead([keys], state)).sort();

const naive = ({ events, zone, keyLimit, browserLimit }: History): Leads =>
  naiveFold(events, testSignals, makeZone(zone), { keyLimit, browserLimit });

function incremental({ arrivals, zone, keyLimit, browserLimit }: History): IncrementalFold {
  const fold = new IncrementalFold(index, makeZone(zone), keyLimit, browserLimit);
  for (const batch of arrivals) fold.apply(batch);
  return fold;
}

test('I8: shuffled, doubled and re-batched histories fold to what the naive fold says', () => {
  const work = { folded: 0, added: 0, refolded: 0, moved: 0, split: 0, judged: 0, crowded: 0 };
  fc.assert(
    fc.property(histories(), (history) => {
      const fold = incremental(history);
      expect(canonical(fold.leads())).toEqual(canonical(naive(history)));
      for (const kind of Object.keys(work) as (keyof typeof work)[]) work[kind] += fold.work[kind];
    }),
    { seed, numRuns },
  );
  process.stdout.write(`seed ${seed}, ${numRuns} histories, work ${JSON.stringify(work)}\n`);
  for (const [kind, times] of Object.entries(work))
    expect({ kind, often: times > numRuns / 50 }).toEqual({ kind, often: true });
});

test('I16: the naive fold knows no order of its input', () => {
  fc.assert(
    fc.property(histories(10, 6), (history) => {
      expect(canonical(naive({ ...history, events: history.arrivals.flat() }))).toEqual(canonical(naive(history)));
    }),
    { seed, numRuns: Math.ceil(numRuns / 10) },
  );
});
