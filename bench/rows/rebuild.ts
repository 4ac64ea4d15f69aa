import { execFile } from 'node:child_process';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { createPool } from '#libs/platform';
import {
  createProjectionPool,
  ensureDefaultRulebook,
  organisationZone,
  ProjectionContext,
  rebuild,
  verify,
  type RebuildReport,
} from '#libs/projection';
import { projectRoot } from '#tools/project';
import { copyText } from '../floors/copy-events.js';
import { makePlace, pidsOf, until, type Place } from '../support/bench-system.js';
import { logWorkload, type LogWorkload } from '../support/log-workload.js';
import { measureRatio, median, summarize, type RatioRow, type Stretch } from '../support/ratio.js';
import { rateOf, ratioResult } from '../support/report.js';
import type { Bench, Row } from '../support/row.js';

const leads = 20_000;
const historyOf = (bench: Bench): number => (bench.options.quick ? 100_000 : 1_060_000);

/** All derived state anew from a million stored events, swapped, caught up and right, while 500 events/s come in. */
export const rebuildAll: Row = async (bench) => {
  const place = await makePlace(bench);
  try {
    const events = await storeHistory(place, historyOf(bench));
    const system = await place.start({ apps: ['projector'] });
    const live = startLive(place, 500);
    const reports: RebuildReport[] = [];
    try {
      const row: RatioRow = {
        name: 'rebuild.all',
        unit: 'events',
        reps: Math.min(bench.options.reps, 4),
        must: 0.25,
        goal: 0.5,
        roots: () => ({ ...bench.servicePids, ...pidsOf(system) }),
        floor: () => readAll(place, events),
        subject: async () => {
          const { stretch, report } = await rebuildOnce(place);
          reports.push(report);
          return stretch;
        },
      };
      const reps = await measureRatio(row, bench.report);
      const summary = summarize(row, reps);
      await live.stop();
      const wrong = await whatIsWrong(place);
      bench.report({ ...summary, reports, liveEvents: live.sent(), wrong: wrong ?? 'nothing' });
      const held = median(reports.map((report) => report.heldMs));
      const measured = `${rateOf(summary.subject)} events/s; batches waited ${held.toFixed(0)} ms for the swap; ${live.sent()} events came meanwhile`;
      return [ratioResult(wrong ? { ...summary, wrong: 1 } : summary, measured)];
    } finally {
      await live.stop();
      await system.stop();
    }
  } finally {
    await place.end();
  }
};

/** The operator's programs over a million events: verify while 2,000 events/s flow in, a rebuild in the middle of it. */
export const verifyLive: Row = async (bench) => {
  const place = await makePlace(bench);
  try {
    await storeHistory(place, historyOf(bench));
    await place.pool.query("insert into listener (kind, name, wanted_by) values ('crossing', 'hot', 'bench')");
    const system = await place.start({ apps: ['projector'] });
    const live = startLive(place, 2_000);
    try {
      await sleep(2_000);
      const verifying = leadfold(place, 'verify');
      await sleep(3_000);
      const rebuilt = await leadfold(place, 'rebuild');
      const verified = await verifying;
      const rate = live.rate();
      const again = await leadfold(place, 'verify', '--sample', '2000');
      await live.stop();
      const wrong = await whatIsWrong(place);
      for (const [command, said] of Object.entries({ verified, rebuilt, again }))
        bench.report({ bench: 'verify.live', command, ...said });
      const ok = !wrong && [verified, rebuilt, again].every(({ code }) => code === 0);
      return [
        {
          row: 'verify.live',
          measured: `verify ${verified.seconds.toFixed(0)} s, rebuild in the middle of it ${rebuilt.seconds.toFixed(0)} s, at ${rateOf(rate)} live events/s`,
          floor: '–',
          result: ok ? '0 differences, 0 deliveries' : (wrong ?? 'a command failed'),
          must: '0 differences',
          goal: '0 differences',
          verdict: ok ? 'goal' : 'wrong',
          note: rebuilt.output.split('\n').find((line) => line.startsWith('swapped')) ?? '',
        },
      ];
    } finally {
      await live.stop();
      await system.stop();
    }
  } finally {
    await place.end();
  }
};

/** The stored history of W(20k, 1M), and the live projection of it: what measured rebuilds are held against is `verify`. */
async function storeHistory(place: Place, records: number): Promise<number> {
  const log = logWorkload({
    leads,
    events: records,
    seed: 9,
    until: Date.now() - 60_000,
    duplicates: 0.05,
    outOfOrder: 0.05,
  });
  await ensureDefaultRulebook(place.pool);
  await place.pool.query('insert into batch (known_at, rulebook_version) values (clock_timestamp(), 1)');
  const client = new pg.Client({ connectionString: place.databaseUrl });
  await client.connect();
  for (const chunk of copyText(log.unique, 5_000))
    await pipeline(Readable.from([chunk], { objectMode: false }), client.query(copyFrom('copy event from stdin')));
  await client.query('vacuum analyze event');
  await client.end();
  await rebuildOnce(place);
  return log.unique.length;
}

async function rebuildOnce(place: Place): Promise<{ stretch: Stretch; report: RebuildReport }> {
  const pool = projectionPool(place);
  try {
    const context = new ProjectionContext(await organisationZone(pool));
    const started = performance.now();
    const report = await rebuild(pool, context, { url: place.databaseUrl, threads: 2, startedBy: 'bench' });
    const seconds = (performance.now() - started) / 1000;
    const extra = {
      heldMs: report.heldMs,
      followed: report.followed,
      corrected: report.corrected,
      relinked: report.relinked,
    };
    return { stretch: { units: report.events, seconds, extra }, report };
  } finally {
    await pool.end();
  }
}

const projectionPool = (place: Place) =>
  createProjectionPool(
    {
      url: place.databaseUrl,
      applicationName: 'leadfold-bench',
      max: 4,
      statementTimeoutMs: 0,
      idleInTransactionTimeoutMs: 0,
    },
    () => undefined,
  );

/** The floor: every stored event into Node, all that a fold needs of it, some thousands at a time. */
async function readAll(place: Place, events: number): Promise<Stretch> {
  const pool = createPool(
    {
      url: place.databaseUrl,
      applicationName: 'leadfold-bench',
      max: 1,
      statementTimeoutMs: 0,
      idleInTransactionTimeoutMs: 0,
    },
    () => undefined,
  );
  const client = await pool.connect();
  try {
    const started = performance.now();
    await client.query('begin');
    await client.query(
      `declare everything no scroll cursor for select id, type, source, anon, uid, email, (extract(epoch from occurred_at) * 1000)::bigint, body::text from event limit ${events}`,
    );
    let read = 0;
    for (;;) {
      const { rows } = await client.query({ text: 'fetch 5000 from everything', rowMode: 'array' });
      if (rows.length === 0) break;
      read += rows.length;
    }
    return { units: read, seconds: (performance.now() - started) / 1000 };
  } finally {
    client.release(true);
    await pool.end();
  }
}

/** Appends a steady stream until it is stopped. */
function startLive(place: Place, perSecond: number): { sent(): number; rate(): number; stop(): Promise<void> } {
  const started = performance.now();
  let log: LogWorkload | undefined;
  let sent = 0;
  let round = 0;
  let over = false;
  const running = (async () => {
    while (!over) {
      const due = Math.floor(((performance.now() - started) / 1000) * perSecond) - sent;
      if (due <= 0) {
        await sleep(20);
        continue;
      }
      const at = sent % 50_000;
      if (at === 0 || !log)
        log = logWorkload({ leads, events: 50_500, seed: 100 + round++, until: Date.now(), duplicates: 0 });
      const records = log.records.slice(at, at + Math.min(due, 1_000, 50_000 - at));
      const { acked, error } = await place.eventLog.append(records);
      if (!acked.every(Boolean)) throw error ?? new Error('the log did not take live events');
      sent += records.length;
    }
  })();
  return {
    sent: () => sent,
    rate: () => sent / ((performance.now() - started) / 1000),
    stop: async () => {
      over = true;
      await running;
    },
  };
}

/** Caught up, equal to what the events say, and nothing handed to anybody. */
async function whatIsWrong(place: Place): Promise<string | undefined> {
  const stored = 'select coalesce(sum(stored), 0)::int as n from partition_offset';
  let before = -1;
  await until('live events are applied', 120_000, async () => {
    const n = (await place.pool.query<{ n: number }>(stored)).rows[0]!.n;
    const settled = n === before;
    before = n;
    if (!settled) await sleep(1_000);
    return settled;
  });
  const pool = projectionPool(place);
  try {
    const report = await verify(pool, new ProjectionContext(await organisationZone(pool)), { connections: 2 });
    if (report.differences.length + report.identityDifferences > 0)
      return `${report.differences.length} leads and ${report.identityDifferences} rows of who is who differ`;
    const { rows } = await pool.query<{ deliveries: number; strangers: number }>(
      `select (select count(*) from delivery)::int as deliveries,
        (select count(*) from outbox o where not exists (select 1 from event e where e.id = o.event and e.batch > 1))::int as strangers`,
    );
    return rows[0]!.deliveries + rows[0]!.strangers > 0 ? 'something was handed out' : undefined;
  } finally {
    await pool.end();
  }
}

function leadfold(place: Place, ...args: string[]): Promise<{ code: number; seconds: number; output: string }> {
  const started = performance.now();
  const script = path.join(projectRoot, 'dist', 'tools', 'leadfold.js');
  const env = { ...process.env, DATABASE_URL: place.databaseUrl };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? 1) : 0;
      resolve({ code, seconds: (performance.now() - started) / 1000, output: `${stderr}${stdout}` });
    });
  });
}
