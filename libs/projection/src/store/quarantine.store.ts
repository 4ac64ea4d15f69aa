import type { RecordBatch } from '#libs/event-log';
import type { Queryable } from '#libs/platform';
import type { Poison } from '../batch/decode.js';

/** Raw bytes, reason and position, in the transaction that steps over the record. */
export async function quarantine(
  client: Queryable,
  at: Pick<RecordBatch, 'topic' | 'partition'>,
  batch: number,
  poison: readonly Poison[],
): Promise<void> {
  for (const { record, code, detail } of poison)
    await client.query(
      `insert into quarantine (topic, partition, position, record_key, headers, value, code, detail, batch, quarantined_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, leadfold_now()) on conflict do nothing`,
      [
        at.topic,
        at.partition,
        record.position,
        record.key,
        storable(JSON.stringify(record.headers)),
        record.value,
        code,
        storable(detail).slice(0, 2000),
        batch,
      ],
    );
}

/** Neither jsonb nor text takes NUL, nor jsonb a lone surrogate. */
const storable = (text: string): string =>
  text.replace(/\\u0000|\0/g, '').replace(/\\ud[89a-f][0-9a-f]{2}|[\ud800-\udfff]/gi, '\ufffd');
