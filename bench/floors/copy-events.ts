import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { encodeEvent, kindOf, recordKeyOf, type LeadEvent } from '#libs/leads/domain';

/** The floor of the fold: the same rows into the same table with the same indexes, by COPY, one connection, one commit per batch. */
export function copyText(events: readonly LeadEvent[], batchSize: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0; from < events.length; from += batchSize)
    chunks.push(
      Buffer.from(
        events
          .slice(from, from + batchSize)
          .map(lineOf)
          .join(''),
      ),
    );
  return chunks;
}

export async function copyFloor(
  databaseUrl: string,
  chunks: Buffer[],
  seconds: number,
): Promise<{ passes: number; seconds: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    let tookMs = 0;
    let passes = 0;
    while (tookMs < seconds * 1000) {
      await client.query('truncate event');
      const started = performance.now();
      for (const chunk of chunks) {
        await client.query('begin');
        await pipeline(Readable.from([chunk], { objectMode: false }), client.query(copyFrom('copy event from stdin')));
        await client.query('commit');
      }
      tookMs += performance.now() - started;
      passes += 1;
    }
    return { passes, seconds: tookMs / 1000 };
  } finally {
    await client.end();
  }
}

function lineOf(event: LeadEvent): string {
  const { value } = encodeEvent(event, recordKeyOf(event));
  const at = (ms: number) => new Date(ms).toISOString();
  const columns = [event.id, kindOf(event), event.type, event.source, event.anonymousId, event.userId, event.email];
  columns.push(at(event.occurredAt), at(event.receivedAt), '1', event.refersTo, value);
  return `${columns.map((column) => (column === undefined ? '\\N' : column.replaceAll('\\', '\\\\'))).join('\t')}\n`;
}
