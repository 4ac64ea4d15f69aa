import type { BatchOutcome, RecordBatch } from '#libs/event-log';
import { isFact } from './judgement.projection.js';
import { classifySqlFailure, fp, inPipelinedTransaction, sqlStateOf, type Logger, type Pool } from '#libs/platform';
import type { ProjectionContext } from '../projection-context.js';
import { conflictsAmong } from '../store/event.store.js';
import { advanceOffsets, stopPartition, type BatchCounts } from '../store/offset.store.js';
import { quarantine } from '../store/quarantine.store.js';
import { decodeBatch, type DecodedBatch } from './decode.js';
import { assertKnown, ErasedKeys, ErasedMoved } from './erased-keys.js';
import { countParts, type Part } from './part.js';
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

/** Kafka to PostgreSQL: a batch, or the batches of several partitions that came together, is one transaction. */
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
    let from = startOf(batch);
    for (;;) {
      const decoded = decodeBatch(limited(batch, from, isolation.limit), from);
      if (decoded === 'gap') return this.seekBack(batch, from);
      const takenOut = this.erased.takeOut(decoded);
      if (isolation.poison) condemn(decoded, isolation.poison);
      try {
        const [outcome] = await this.commit([{ batch, from, decoded, takenOut }], isolation.savepoints);
        return outcome!;
      } catch (error) {
        if (error instanceof FenceMoved) {
          if (error.fence.stopped !== null) return { kind: 'stop', reason: error.fence.stopped };
          from = error.fence.next;
        } else if (error instanceof ErasedMoved) await this.erased.learn(this.pool);
        else if (isRecordsFault(error)) isolation = this.narrow(batch, isolation, error as Error);
        else throw error;
      }
    }
  }

  /**
   * Batches of one topic in one transaction, an outcome for each in their order. As soon as anything about one of them is
   * out of the ordinary (a gap, an offset that moved, a person erased meanwhile, a poison record), each goes by itself.
   */
  async applyTogether(batches: readonly RecordBatch[]): Promise<BatchOutcome[]> {
    const parts = batches.map((batch): Part | undefined => {
      const from = startOf(batch);
      const decoded = decodeBatch(batch, from);
      return decoded === 'gap' ? undefined : { batch, from, decoded, takenOut: this.erased.takeOut(decoded) };
    });
    try {
      if (parts.every((part) => part !== undefined)) return await this.commit(parts, false);
    } catch (error) {
      const settledAlone = error instanceof FenceMoved || error instanceof ErasedMoved || isRecordsFault(error);
      if (!settledAlone) throw error;
    }
    const outcomes: BatchOutcome[] = [];
    for (const batch of batches) outcomes.push(await this.apply(batch));
    return outcomes;
  }

  private async commit(parts: readonly Part[], isolate: boolean): Promise<BatchOutcome[]> {
    for (let repeats = 0; ; repeats += 1)
      try {
        const applied = await this.attempt(parts, isolate);
        fp('projector.after_commit');
        return parts.map(({ batch }, index) => {
          this.soughtBack.delete(`${batch.topic}/${batch.partition}`);
          this.onApplied(batch, applied[index]!, repeats);
          return { kind: 'done', next: applied[index]!.next };
        });
      } catch (error) {
        const conflict = error instanceof RepeatBatch || classifySqlFailure(error) === 'conflict';
        if (!conflict || repeats >= mostRepeats) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(5 * (repeats + 1), 100)));
      }
  }

  private attempt(parts: readonly Part[], isolate: boolean): Promise<Applied[]> {
    return inPipelinedTransaction(this.pool, async (client): Promise<Applied[]> => {
      const { opened, waiting, places, ...stored } = await firstRound(client, parts, isolate);
      for (const { takenOut } of parts) assertKnown(takenOut, opened.erased);
      const fresh = stored.fresh.map(({ event }) => event);
      const judging = fresh.filter((event) => !isFact(event));
      const comparing = conflictsAmong(client, stored.duplicates);
      client.later(comparing);
      for (const { batch, decoded } of parts)
        client.later(quarantine(client, batch, opened.batch, [...decoded.poison, ...stored.poison]));
      const done = await runStep({
        client,
        context: this.context,
        rulebook: await this.context.rulebook(client, opened.version),
        batch: opened.batch,
        listeners: new Set(opened.listeners),
        fresh,
        question: { fresh: judging, waiting, freshIds: judging.length + waiting.length > 0 ? idsOf(fresh) : nobody },
        places,
      });
      const advances = countParts(parts, stored, await comparing);
      if (done.notices > 0) client.later(client.query(wakeRelay));
      await advanceOffsets(client, parts[0]!.batch.topic, advances);
      fp('projector.before_commit');
      return advances.map(({ to, counts }) => ({ next: to, counts, done }));
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

const startOf = (batch: RecordBatch): number => batch.records[0]?.position ?? batch.nextPosition;
const nobody: ReadonlySet<string> = new Set();
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
