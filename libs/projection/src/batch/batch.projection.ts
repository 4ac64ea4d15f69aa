import type { BatchOutcome, RecordBatch } from '#libs/event-log';
import { isFact } from './judgement.projection.js';
import { classifySqlFailure, fp, inPipelinedTransaction, sqlStateOf, type Logger, type Pool } from '#libs/platform';
import type { ProjectionContext } from '../projection-context.js';
import { countConflicts } from '../store/event.store.js';
import { advanceOffset, stopPartition, type BatchCounts } from '../store/offset.store.js';
import { quarantine } from '../store/quarantine.store.js';
import { decodeBatch, type DecodedBatch } from './decode.js';
import { assertKnown, ErasedKeys, ErasedMoved, type TakenOut } from './erased-keys.js';
import { firstRound, FenceMoved } from './first-round.projection.js';
import { RepeatBatch } from './repeat.js';
import { runStep, type StepDone } from './run-step.projection.js';

export interface Applied {
  next: number;
  counts: BatchCounts;
  done: StepDone;
}

interface Isolation {
  /** Data failures are searched for between savepoints. */
  savepoints: boolean;
  /** Records that this attempt takes, at the most. */
  limit: number;
  /** The one record that fails whatever is done with it. */
  poison?: { code: string; detail: string };
}

const mostRepeats = 100;
const wakeRelay = { name: 'leadfold-wake-relay', text: 'notify leadfold_outbox' };

/** Kafka to PostgreSQL: one batch of one partition is one transaction. */
export class BatchProjection {
  private readonly soughtBack = new Map<string, number>();
  private readonly erased = new ErasedKeys();

  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
    private readonly log: Logger,
    private readonly onApplied: (batch: RecordBatch, applied: Applied, repeats: number) => void = () => undefined,
  ) {}

  /** Throws what only time can heal; the consumer then brings the same batch again. */
  async apply(batch: RecordBatch): Promise<BatchOutcome> {
    let isolation: Isolation = { savepoints: false, limit: Infinity };
    let from = batch.records[0]?.position ?? batch.nextPosition;
    let repeats = 0;
    for (;;) {
      const decoded = decodeBatch(limited(batch, from, isolation.limit), from);
      if (decoded === 'gap') return this.seekBack(batch, from);
      const takenOut = this.erased.takeOut(decoded);
      if (isolation.poison) condemn(decoded, isolation.poison);
      try {
        const applied = await this.attempt(batch, decoded, from, takenOut, isolation.savepoints);
        fp('projector.after_commit');
        this.soughtBack.delete(`${batch.topic}/${batch.partition}`);
        this.onApplied(batch, applied, repeats);
        return { kind: 'done', next: applied.next };
      } catch (error) {
        if (error instanceof FenceMoved) {
          if (error.fence.stopped !== null) return { kind: 'stop', reason: error.fence.stopped };
          from = error.fence.next;
        } else if (error instanceof ErasedMoved) await this.erased.learn(this.pool);
        else if (error instanceof RepeatBatch || classifySqlFailure(error) === 'conflict') {
          repeats += 1;
          if (repeats > mostRepeats) throw error;
          await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(5 * repeats, 100)));
        } else if (isRecordsFault(error)) isolation = this.narrow(batch, isolation, error as Error);
        else throw error;
      }
    }
  }

  private async attempt(
    batch: RecordBatch,
    decoded: DecodedBatch,
    from: number,
    takenOut: TakenOut,
    isolate: boolean,
  ): Promise<Applied> {
    const { topic, partition } = batch;
    return inPipelinedTransaction(this.pool, async (client): Promise<Applied> => {
      const { fence, waiting, places, ...stored } = await firstRound(client, batch, decoded, from, isolate);
      assertKnown(takenOut, fence.erased);
      const fresh = stored.fresh.map(({ event }) => event);
      const counting = countConflicts(client, stored.duplicates);
      client.later(counting);
      const poison = [...decoded.poison, ...stored.poison];
      client.later(quarantine(client, batch, fence.batch, poison));
      const done = await runStep({
        client,
        context: this.context,
        rulebook: await this.context.rulebook(client, fence.version),
        batch: fence.batch,
        listeners: new Set(fence.listeners),
        fresh,
        question: { fresh: fresh.filter((event) => !isFact(event)), waiting, freshIds: idsOf(fresh) },
        places,
      });
      const counts = {
        stored: fresh.length,
        quarantined: poison.length,
        duplicates: stored.duplicates.length,
        dropped: takenOut.dropped,
        conflicts: await counting,
      };
      if (done.notices > 0) client.later(client.query(wakeRelay));
      await advanceOffset(client, topic, partition, from, decoded.end, counts);
      fp('projector.before_commit');
      return { next: decoded.end, counts, done };
    });
  }

  /** First savepoints around halves of the insert, then halves of the batch, until the record that fails stands alone. */
  private narrow(batch: RecordBatch, isolation: Isolation, error: Error): Isolation {
    this.log.warn(
      { topic: batch.topic, partition: batch.partition, sqlState: sqlStateOf(error), limit: isolation.limit },
      'batch failed over its data: isolating the record',
    );
    if (!isolation.savepoints) return { ...isolation, savepoints: true };
    const limit = Math.floor(Math.min(isolation.limit, batch.records.length) / 2);
    if (limit >= 1) return { ...isolation, limit };
    if (isolation.poison) throw error;
    return {
      ...isolation,
      limit: 1,
      poison: { code: sqlStateOf(error) ? `sql-${sqlStateOf(error)}` : 'fold-failed', detail: error.message },
    };
  }

  private async seekBack(batch: RecordBatch, next: number): Promise<BatchOutcome> {
    const name = `${batch.topic}/${batch.partition}`;
    if (this.soughtBack.get(name) !== next) {
      this.soughtBack.set(name, next);
      return { kind: 'seek', position: next };
    }
    const reason = `the log goes on at ${batch.records[0]!.position} although ${next} was asked for`;
    await stopPartition(this.pool, batch.topic, batch.partition, reason);
    this.log.error(
      { topic: batch.topic, partition: batch.partition, next, first: batch.records[0]!.position },
      'records are missing: partition stopped until the loss is accepted',
    );
    return { kind: 'stop', reason };
  }
}

const idsOf = (events: readonly { id: string }[]): Set<string> => new Set(events.map((event) => event.id));

/** A database error of a data class, or an error of our own code over one record; never a connection or a full disk (I15). */
function isRecordsFault(error: unknown): boolean {
  if (sqlStateOf(error) !== undefined) return classifySqlFailure(error) === 'data';
  return error instanceof TypeError || error instanceof RangeError;
}

function limited(batch: RecordBatch, next: number, limit: number): RecordBatch {
  if (limit === Infinity) return batch;
  const records = batch.records.filter((record) => record.position >= next).slice(0, limit);
  const last = records.at(-1);
  return last ? { ...batch, records, nextPosition: last.position + 1 } : batch;
}

function condemn(decoded: DecodedBatch, reason: { code: string; detail: string }): void {
  for (const { record } of decoded.events) decoded.poison.push({ record, ...reason });
  decoded.events = [];
}
