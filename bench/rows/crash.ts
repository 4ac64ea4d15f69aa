import { setTimeout as sleep } from 'node:timers/promises';
import { Findings } from '#tools/faults/findings';
import { faultRun } from '#tools/faults/run';
import type { Blow } from '#tools/faults/schedule';
import { setStage } from '#tools/faults/stage';
import { progressLines } from '#tools/services/progress-lines';
import { Random } from '#tools/traffic/random';
import { median } from '../support/ratio.js';
import type { Row, RowResult } from '../support/row.js';

const victims = ['collector', 'projector', 'worker', 'redis', 'postgres', 'kafka'] as const;
type Victim = (typeof victims)[number];
const mustSeconds = 10;
const goalSeconds = 3;
const awayMs = 500;

const blowOf = (victim: Victim): Blow =>
  victim === 'redis'
    ? { kind: 'redis-away', awayMs }
    : victim === 'postgres'
      ? { kind: 'postgres-crash', awayMs }
      : victim === 'kafka'
        ? { kind: 'kafka-restart', awayMs, hard: true }
        : { kind: 'kill', app: victim, when: 'any' };

/** kill -9 of each part in turn, so many rounds, under load; then every promise is asked after, as in a fault run. */
export const crash: Row = async (bench) => {
  const { rounds } = bench.options;
  const seed = 7;
  const random = new Random(seed);
  const blows = Array.from({ length: rounds }, () => shuffled(random, [...victims]))
    .flat()
    .map((victim) => ({ victim, blow: blowOf(victim) }));
  const told: string[] = [];
  const findings = new Findings((line) => void told.push(line));
  const events = Math.max(4_000, blows.length * 150);
  const stage = await setStage({ set: 'faults', progress: { ...progressLines(), line: () => undefined } });
  const resumed: Record<Victim, number[]> = Object.fromEntries(victims.map((victim) => [victim, []])) as never;
  let nth = 0;
  try {
    const report = await faultRun(stage, {
      seed,
      leads: Math.min(500, Math.round(events / 16)),
      events,
      killsPerApp: 0,
      blows: blows.map(({ blow }) => blow),
      afterBlow: async (since) => {
        const { victim } = blows[nth++]!;
        const seconds = await foldResumed(stage.pool, since);
        resumed[victim].push(seconds);
        bench.report({ bench: 'crash', round: Math.ceil(nth / victims.length), victim, foldResumedSeconds: seconds });
      },
      pauseMs: [300, 1_500],
      redisAwayMs: 0,
      progress: { ...progressLines(), line: () => undefined },
      findings,
      signal: new AbortController().signal,
    });
    const { broken, all } = findings;
    bench.report({ bench: 'crash', rounds, promises: all.length, broken, repeats: report.deliveries.repeats });
    return victims.map((victim): RowResult => {
      const worst = Math.max(...resumed[victim]);
      return {
        row: `crash ${victim}`,
        measured: `fold resumed after ${median(resumed[victim]).toFixed(1)} s in the median of ${rounds} rounds`,
        floor: '–',
        result: `worst ${worst.toFixed(1)} s`,
        must: `0 lost, 0 folded twice, ≤ ${mustSeconds} s`,
        goal: `≤ ${goalSeconds} s`,
        verdict: broken.length ? 'wrong' : worst <= goalSeconds ? 'goal' : worst <= mustSeconds ? 'must' : 'below',
        note: broken.length
          ? broken.map(({ name, seen }) => `${name}: ${seen}`).join('; ')
          : `${all.length} promises held; ${report.recorder.acceptedIds().length} ids accepted, ${report.deliveries.alerts} alerts, ${report.deliveries.repeats} repeated under the same id`,
      };
    });
  } finally {
    await stage.stop();
  }
};

/** A transaction that was sent before the blow may still commit after it: that is no resuming. */
const lastWordsMs = 200;

/** Until offsets move again, by the database's word; while it is away there is none. */
async function foldResumed(
  pool: { query(sql: string): Promise<{ rows: { n: number }[] }> },
  since: number,
): Promise<number> {
  const sum = () =>
    pool.query('select coalesce(sum(consumed), 0)::int as n from partition_offset').then(
      ({ rows }) => rows[0]!.n,
      () => undefined,
    );
  await sleep(Math.max(0, since + lastWordsMs - performance.now()));
  let first: number | undefined;
  for (const deadline = since + 60_000; performance.now() < deadline; await sleep(20)) {
    const now = await sum();
    if (now === undefined) continue;
    first ??= now;
    if (now > first) return (performance.now() - since) / 1000;
  }
  return Infinity;
}

function shuffled<T>(random: Random, list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
