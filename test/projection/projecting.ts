import { topics, type RecordBatch, type StoredRecord, type Topic } from '#libs/event-log';
import { canonicalLead, encodeEvent, makeZone, recordKeyOf, type LeadEvent, type LeadState } from '#libs/leads/domain';
import { createLogger, type Pool } from '#libs/platform';
import {
  BatchProjection,
  createProjectionPool,
  defaultSettings,
  prepareOffset,
  presentKeys,
  ProjectionContext,
  type ProjectionSettings,
} from '#libs/projection';
import type { TestDatabase } from '#test/database';

export const log = createLogger('test', 'silent');

export const storedRecord = (event: LeadEvent, position: number): StoredRecord => {
  const { key, headers, value } = encodeEvent(event, recordKeyOf(event));
  return { position, key: Buffer.from(key), headers, value: Buffer.from(value) };
};

/** A projector's hands without its consumer: batches are handed in as a log would fetch them. */
export class Projecting {
  readonly pool: Pool;
  readonly context: ProjectionContext;
  readonly batches: BatchProjection;
  private readonly next = new Map<number, number>();

  constructor(
    readonly db: TestDatabase,
    zone = 'Asia/Tokyo',
    settings: Partial<ProjectionSettings> = {},
    readonly topic: Topic = topics.events,
  ) {
    this.pool = createProjectionPool(
      { url: db.url, applicationName: 'leadfold-test-projector', max: 3 },
      () => undefined,
    );
    this.context = new ProjectionContext(makeZone(zone), { ...defaultSettings, ...settings });
    this.batches = new BatchProjection(this.pool, this.context, log);
  }

  batchOf(partition: number, records: StoredRecord[]): RecordBatch {
    const end = (records.at(-1)?.position ?? -1) + 1;
    return { topic: this.topic, partition, records, nextPosition: end, highWatermark: end };
  }

  /** The next batch of a partition: positions go on where the last one ended. */
  async apply(events: readonly LeadEvent[], partition = 0): Promise<void> {
    if (!this.next.has(partition))
      this.next.set(partition, (await prepareOffset(this.pool, this.topic, partition)).next);
    const from = this.next.get(partition)!;
    const outcome = await this.batches.apply(
      this.batchOf(
        partition,
        events.map((event, index) => storedRecord(event, from + index)),
      ),
    );
    if (outcome.kind !== 'done') throw new Error(`batch was not applied: ${JSON.stringify(outcome)}`);
    this.next.set(partition, outcome.next);
  }

  /** Also where a test has put another in its place and ended it. */
  async end(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }
}

/** Every lead that is there, as canonical text: what the oracle's leads are compared with. */
export async function canonicalLeads(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: number; state: LeadState }>(
    'select id, state from lead where merged_into is null',
  );
  const keys = await presentKeys(
    pool,
    rows.map((row) => row.id),
  );
  return rows
    .flatMap((row) => (keys.has(row.id) ? [canonicalLead([[...keys.get(row.id)!].sort().join(' ')], row.state)] : []))
    .sort();
}

export async function emptyTables(pool: Pool): Promise<void> {
  await pool.query(
    'truncate event, batch, subject_key, identification, skipped_identification, link, apart, lead, lead_rank, account, account_change, partition_offset, quarantine, unapplied_judgement, outbox restart identity',
  );
}
