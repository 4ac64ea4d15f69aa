import { DomainError, type Pool, type PoolClient } from '#libs/platform';
import { onOwnSession } from '../rebuild/job.store.js';
import { rulebookLock } from '../rulebook.store.js';
import { textArray } from '../store/arrays.js';
import { exportFormat, type ExportCounts } from './export.query.js';

const linesAtOnce = 1_000;
const tables = {
  rulebook: 'rulebook_version',
  publish: 'rulebook_publish',
  suppression: 'suppression',
  batch: 'batch',
  event: 'event',
} as const;
type Section = keyof typeof tables;

/**
 * Takes the lines of an export into a database without events: all of them or none. What is derived is left to a rebuild.
 * No notice is written, so nobody is alerted, enrolled or written to.
 */
export async function importLines(
  pool: Pool,
  lines: AsyncIterable<string>,
  onProgress: (lines: number, total: number) => void = () => undefined,
): Promise<ExportCounts> {
  return onOwnSession(pool, async (client) => {
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; begin');
    await client.query('select pg_advisory_xact_lock($1)', [rulebookLock]);
    await refuseUnlessEmpty(client);
    const counts: ExportCounts = { events: 0, batches: 0, rulebooks: 0, suppressions: 0 };
    let waiting: { section: Section; lines: string[] } = { section: 'rulebook', lines: [] };
    const flush = async (next: Section): Promise<void> => {
      if (waiting.lines.length > 0) await insert(client, waiting.section, waiting.lines);
      waiting = { section: next, lines: [] };
    };
    let number = 0;
    let end: ExportCounts | undefined;
    for await (const line of lines) {
      number += 1;
      const name = /^\{\s*"(\w+)"/.exec(line)?.[1];
      if (number === 1) await readHead(client, line);
      else if (name === 'end') end = (JSON.parse(line) as { end: ExportCounts }).end;
      else if (name !== undefined && Object.hasOwn(tables, name)) {
        const section = name as Section;
        if (section !== waiting.section || waiting.lines.length >= linesAtOnce) await flush(section);
        waiting.lines.push(line);
        count(counts, section);
        if (section === 'event' && counts.events % linesAtOnce === 0) onProgress(counts.events, counts.events);
      } else throw new DomainError('import-unreadable', `line ${number} is no line of an export`, { status: 422 });
    }
    await flush('event');
    if (JSON.stringify(end) !== JSON.stringify(counts))
      throw new DomainError('import-incomplete', 'The export has no end, or not as many lines as its end says.', {
        status: 422,
      });
    await client.query(
      `select setval(pg_get_serial_sequence('batch', 'id'), (select coalesce(max(id), 0) + 1 from batch), false),
        setval(pg_get_serial_sequence('rulebook_publish', 'id'), (select coalesce(max(id), 0) + 1 from rulebook_publish), false)`,
    );
    await client.query('commit');
    await client.query('analyze event');
    return counts;
  });
}

async function refuseUnlessEmpty(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ used: boolean; rulebooks: boolean }>(
    `select exists (select 1 from event) or exists (select 1 from batch) or exists (select 1 from subject_key) as used,
      exists (select 1 from rulebook_version where created_by <> 'system') as rulebooks`,
  );
  if (rows[0]!.used)
    throw new DomainError('import-not-empty', 'This installation has events already: import into an empty one.', {
      status: 409,
    });
  if (rows[0]!.rulebooks)
    throw new DomainError('import-not-empty', 'This installation has rulebooks of its own: import into an empty one.', {
      status: 409,
    });
  // the shipped one, which a process may have published at its first start: the export brings its own
  await client.query('delete from rulebook_publish; delete from rulebook_version');
}

/** Counters are by the days of the organisation's zone: the same state needs the same zone. */
async function readHead(client: PoolClient, line: string): Promise<void> {
  const head = /^\{\s*"leadfold"/.test(line)
    ? (JSON.parse(line) as { leadfold: { export: number; zone: string } }).leadfold
    : undefined;
  if (head?.export !== exportFormat)
    throw new DomainError('import-unreadable', `The file is no export of format ${exportFormat}.`, { status: 422 });
  await client.query(`insert into setting (key, value) values ('time-zone', $1) on conflict (key) do nothing`, [
    JSON.stringify(head.zone),
  ]);
  const { rows } = await client.query<{ zone: string }>(
    `select value #>> '{}' as zone from setting where key = 'time-zone'`,
  );
  if (rows[0]!.zone !== head.zone)
    throw new DomainError(
      'time-zone-changed',
      `The export counts days in ${head.zone}, this installation in ${rows[0]!.zone}.`,
      { status: 409 },
    );
}

function count(counts: ExportCounts, section: Section): void {
  if (section === 'event') counts.events += 1;
  else if (section === 'batch') counts.batches += 1;
  else if (section === 'rulebook') counts.rulebooks += 1;
  else if (section === 'suppression') counts.suppressions += 1;
}

/** Taken apart by the database: numbers of any size go through as they are. */
const insert = (client: PoolClient, section: Section, lines: readonly string[]) =>
  client.query(
    `insert into ${tables[section]} overriding system value
      select r.* from unnest($1::text[]) as line, json_populate_record(null::${tables[section]}, line::json -> '${section}') as r`,
    [textArray(lines)],
  );
