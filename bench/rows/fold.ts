import pg from 'pg';
import { ensureDefaultRulebook, liveRulebook } from '#libs/projection';
import { copyFloor, copyText } from '../floors/copy-events.js';
import { appPid, deleteTopics, makePlace, pidsOf, until, type Place } from '../support/bench-system.js';
import { peakMb, startCpu } from '../support/cpu.js';
import { appendAll, logWorkload, type LogWorkload } from '../support/log-workload.js';
import { differences, oracleHashes, storedHashes, zone } from '../support/oracle.js';
import { notePeak } from '../support/peaks.js';
import { measureRatio, median, summarize, totalOf, type RatioRow, type Stretch } from '../support/ratio.js';
import { rateOf, ratioResult } from '../support/report.js';
import type { Bench, Row, RowResult } from '../support/row.js';
import type { WorkloadOptions } from '../support/workload.js';

interface Shape {
  name: string;
  /** What it is compared with; COPY of the events where absent. */
  against?: Omit<WorkloadOptions, 'until' | 'seed'>;
  workload: Omit<WorkloadOptions, 'until' | 'seed'>;
  must: number;
  goal: number;
}

const batchSize = 2_000;
const usual = { duplicates: 0.05, outOfOrder: 0.05, malformed: 0.001 };

const usualWorkload = (bench: Bench) => ({ leads: 20_000, events: bench.options.quick ? 50_000 : 200_000, ...usual });

/** Messages a second out of a preloaded log until offsets, state, decisions and outbox are committed. */
export const projectorFold: Row = (bench) =>
  measure(bench, { name: 'projector.fold', workload: usualWorkload(bench), must: 0.25, goal: 0.4 });

/** A thousand leads, some of them in every batch, against the usual workload folded beside it. */
export const projectorHot: Row = (bench) =>
  measure(bench, {
    name: 'projector.hot',
    workload: { ...usualWorkload(bench), leads: 1_000, s: 1.2 },
    against: usualWorkload(bench),
    must: 0.8,
    goal: 1,
  });

/** Every event is a lead nobody saw before. */
export const projectorNewLeads: Row = (bench) =>
  measure(bench, {
    name: 'projector.newleads',
    workload: { leads: 1, events: bench.options.quick ? 20_000 : 100_000, ...usual, newLeads: true },
    must: 0.2,
    goal: 0.3,
  });

async function measure(bench: Bench, shape: Shape): Promise<RowResult[]> {
  const preloaded: Preloaded[] = [];
  try {
    const load = async (workload: Shape['workload']) => {
      const made = await preload(bench, workload, `bench_fold_${process.pid}_${preloaded.length}.`);
      preloaded.push(made);
      return made;
    };
    const subject = await load(shape.workload);
    const against = shape.against && (await load(shape.against));
    const { log, expected } = subject;
    bench.report({
      bench: shape.name,
      records: log.records.length,
      unique: log.unique.length,
      duplicates: log.duplicates,
      malformed: log.malformed,
      leads: expected.length,
    });
    const floor = against ? () => drainOf(bench, against) : copyFloorOf(bench, subject);
    const row: RatioRow = {
      ...shape,
      unit: against ? 'messages' : 'events',
      reps: bench.options.reps,
      roots: () => bench.servicePids,
      floor,
      subject: () => drainOf(bench, subject),
    };
    const reps = await measureRatio(row, bench.report);
    const summary = summarize(row, reps);
    const peak = Math.max(...reps.map((rep) => rep.extra!['peakMb']!));
    notePeak('projector', shape.name, peak);
    bench.report({ ...summary, bench: shape.name, peakMb: peak });
    const share = median(reps.map((rep) => rep.extra!['projectorCpu']! / rep.extra!['seconds']!));
    return [
      ratioResult(
        summary,
        `${rateOf(summary.subject)} messages/s; projector ${share.toFixed(2)} cores, peak ${peak.toFixed(0)} MB`,
      ),
    ];
  } finally {
    for (const { keeper } of preloaded) {
      await keeper.end();
      await deleteTopics(bench.services.kafkaBrokers!, keeper.topicPrefix);
    }
  }
}

interface Preloaded {
  /** Holds the log; each drain has a database of its own. */
  keeper: Place;
  log: LogWorkload;
  expected: string[];
}

async function preload(bench: Bench, options: Shape['workload'], topicPrefix: string): Promise<Preloaded> {
  const log = logWorkload({ ...options, seed: 3, until: Date.now() });
  const keeper = await makePlace(bench, { topicPrefix });
  await appendAll(keeper.eventLog, log.records);
  await ensureDefaultRulebook(keeper.pool);
  return { keeper, log, expected: oracleHashes(log.unique, await liveRulebook(keeper.pool, zone)) };
}

const drainOf = (bench: Bench, { keeper, log, expected }: Preloaded): Promise<Stretch> =>
  drain(bench, keeper.topicPrefix, log, expected);

function copyFloorOf(bench: Bench, { keeper, log }: Preloaded): () => Promise<Stretch> {
  const chunks = copyText(log.unique, batchSize);
  return async () => {
    const place = await makePlace(bench, { topicPrefix: keeper.topicPrefix });
    try {
      const { passes, seconds } = await copyFloor(place.databaseUrl, chunks, bench.options.seconds);
      return { units: log.unique.length * passes, seconds };
    } finally {
      await place.end();
    }
  };
}

/** The projector is up and waits for a lock of its first batch, which we hold; the clock starts when we let go. */
export async function drain(
  bench: Bench,
  topicPrefix: string,
  log: LogWorkload,
  expected: readonly string[],
): Promise<Stretch> {
  const place = await makePlace(bench, { topicPrefix });
  try {
    await ensureDefaultRulebook(place.pool);
    await place.pool.query("insert into listener (kind, name, wanted_by) values ('crossing', 'hot', 'bench')");
    const gate = new pg.Client({ connectionString: place.databaseUrl });
    gate.on('error', () => undefined);
    await gate.connect();
    await gate.query('begin');
    await gate.query('lock table batch in exclusive mode');
    const system = await place.start({ apps: ['projector'] });
    try {
      const waiting =
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      await until(
        'the projector waits',
        30_000,
        async () => (await place.pool.query<{ n: number }>(waiting)).rows[0]!.n > 0,
      );
      const pids = { ...pidsOf(system), postgres: bench.servicePids['postgres']!, kafka: bench.servicePids['kafka']! };
      const cpu = startCpu(pids);
      const started = performance.now();
      await gate.query('commit');
      await gate.end();
      const consumed = 'select coalesce(sum(consumed), 0)::int as n from partition_offset';
      await until(
        'the log is drained',
        300_000,
        async () => (await place.pool.query<{ n: number }>(consumed)).rows[0]!.n >= log.records.length,
      );
      const seconds = (performance.now() - started) / 1000;
      const reading = cpu.read();
      const peak = peakMb(appPid(system, 'projector'));
      await system.stop();
      const wrong = await whatIsWrong(place, log, expected);
      const extra = {
        peakMb: peak,
        seconds,
        projectorCpu: reading.seconds['projector']!,
        postgresCpu: reading.seconds['postgres']!,
      };
      return { units: log.records.length, seconds, cpuSeconds: totalOf(reading), extra, ...(wrong && { wrong }) };
    } finally {
      await system.stop();
    }
  } finally {
    await place.end();
  }
}

async function whatIsWrong(place: Place, log: LogWorkload, expected: readonly string[]): Promise<string | undefined> {
  const sums = await place.pool.query<
    Record<'consumed' | 'stored' | 'quarantined' | 'duplicates' | 'conflicts', number>
  >(
    `select sum(consumed)::int as consumed, sum(stored)::int as stored, sum(quarantined)::int as quarantined,
       sum(duplicates)::int as duplicates, sum(conflicts)::int as conflicts from partition_offset`,
  );
  const should = {
    consumed: log.records.length,
    stored: log.unique.length,
    quarantined: log.malformed,
    duplicates: log.duplicates,
    conflicts: 0,
  };
  if (JSON.stringify(sums.rows[0]) !== JSON.stringify(should))
    return `counts ${JSON.stringify(sums.rows[0])} instead of ${JSON.stringify(should)}`;
  const wrong = differences(expected, await storedHashes(place.pool));
  return wrong ? `${wrong} leads differ from the oracle` : undefined;
}
