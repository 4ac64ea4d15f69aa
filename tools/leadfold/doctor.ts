import type { Command } from 'commander';
import { migrations } from '#migrations';
import { missingMigrations } from '#libs/platform';
import { dockerAnswers } from '../services/docker.js';
import { remedyFor } from '../services/index.js';
import { kafkaMissing, redisMissing } from '../services/kafka-programs.js';
import { readMode } from '../supervisor/mode.js';
import { databaseUrl, withPool } from '../operator/connect.js';

type Finding = { ok: boolean; about: string; detail: string };

export function register(program: Command): void {
  program
    .command('doctor')
    .description('look for what keeps this installation from working')
    .action(async () => {
      const findings = [...(await machine()), ...(await database())];
      for (const { ok, about, detail } of findings)
        console.log(`${ok ? 'ok  ' : 'MIND'} ${about.padEnd(22)} ${detail}`);
      process.exitCode = findings.every(({ ok }) => ok) ? 0 : 1;
    });
}

async function machine(): Promise<Finding[]> {
  const [kafka, redis, docker] = await Promise.all([kafkaMissing(), redisMissing(), dockerAnswers()]);
  const part = (about: string, reason: string | undefined, remedy: string): Finding => ({
    ok: !reason || docker,
    about,
    detail: reason ? `${reason}; ${docker ? 'Docker serves instead' : `for the full mode: ${remedy}`}` : 'can run here',
  });
  return [
    { ok: true, about: 'node', detail: process.versions.node },
    { ok: true, about: 'docker engine', detail: docker ? 'answers' : 'none: native services are used' },
    part('kafka', kafka, remedyFor('kafka')),
    part('redis', redis, remedyFor('redis')),
  ];
}

async function database(): Promise<Finding[]> {
  try {
    return await withPool(async (pool) => {
      const missing = await missingMigrations(pool, migrations);
      const schema = {
        ok: !missing.length,
        about: 'schema',
        detail: missing.length ? `missing ${missing.join(', ')}: npm run leadfold -- migrate` : 'up to date',
      };
      if (missing.length) return [schema];
      const count = async (sql: string) => Number((await pool.query<{ n: number }>(sql)).rows[0]?.n);
      const mode = await readMode(databaseUrl());
      const stopped = await count('select count(*) as n from partition_offset where stopped is not null');
      const waiting = await count("select count(*) as n from quarantine where status = 'waiting'");
      const late = await count(
        "select count(*) as n from delivery where state = 'pending' and limit_at < leadfold_now()",
      );
      const driven = await count('select count(*) as n from driven_clock');
      return [
        schema,
        {
          ok: true,
          about: 'mode',
          detail: `event log ${mode.eventLog ?? 'not chosen'}, job queue ${mode.jobQueue ?? 'not chosen'}`,
        },
        { ok: !stopped, about: 'stopped partitions', detail: String(stopped) },
        { ok: !waiting, about: 'quarantine', detail: `${waiting} waiting` },
        { ok: !late, about: 'overdue deliveries', detail: String(late) },
        { ok: !driven, about: 'clock', detail: driven ? 'driven by hand (test)' : 'runs' },
      ];
    });
  } catch (error) {
    return [{ ok: false, about: 'database', detail: (error as Error).message }];
  }
}
