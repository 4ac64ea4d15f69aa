import type { Pool } from '#libs/platform';
import { copiedRows } from '../rebuild/copy-rows.js';

export interface ExportCounts {
  events: number;
  batches: number;
  rulebooks: number;
  suppressions: number;
}

export const exportFormat = 1;

/** What the record is, in the order in which an import needs it. Derived state, deliveries and the quarantine are no part. */
const sections = [
  ['rulebook', 'select * from rulebook_version order by version'],
  ['publish', 'select * from rulebook_publish order by id'],
  ['suppression', 'select * from suppression order by hash'],
  ['batch', 'select * from batch order by id'],
  ['event', 'select * from event'],
] as const;

const counted = { rulebook: 'rulebooks', suppression: 'suppressions', batch: 'batches', event: 'events' } as const;

/** JSON lines of one snapshot, so events may flow in meanwhile. The last line says how many there are. */
export async function* exportLines(
  pool: Pool,
  counts: ExportCounts,
  onProgress: (events: number, total: number) => void = () => undefined,
): AsyncGenerator<string> {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query('set local statement_timeout = 0');
    const { rows } = await client.query<{ zone: string; total: number }>(
      `select coalesce((select value #>> '{}' from setting where key = 'time-zone'), 'Asia/Tokyo') as zone, count(*) as total from event`,
    );
    const { zone, total } = rows[0]!;
    yield `${JSON.stringify({ leadfold: { export: exportFormat, zone } })}\n`;
    for (const [name, query] of sections)
      for await (const group of copiedRows(
        client,
        `select json_build_object('${name}', row_to_json(t))::text from (${query}) t`,
      )) {
        yield group.map(([line]) => `${line}\n`).join('');
        if (name !== 'publish') counts[counted[name]] += group.length;
        onProgress(counts.events, total);
      }
    yield `${JSON.stringify({ end: counts })}\n`;
  } finally {
    client.release(true);
  }
}
