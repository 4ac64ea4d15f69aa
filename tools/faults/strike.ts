import { setTimeout as sleep } from 'node:timers/promises';
import { serviceSet, startNative, type Part, type SetName } from '../services/index.js';
import { stopKafka } from '../services/kafka.js';
import { stopPostgres } from '../services/postgres.js';
import type { ProgressLines } from '../services/progress-lines.js';
import { flushRedis, stopRedis } from '../services/redis.js';
import { readRecord, writeRecord } from '../services/service-set.js';

/** Blows at the services of one set, which must be native: what is struck is started again and stays its owner's to stop. */
export class Striker {
  private readonly set;

  constructor(
    set: SetName,
    private readonly redisUrl: string | undefined,
    private readonly progress: ProgressLines,
  ) {
    this.set = serviceSet(set);
  }

  /** A crash: nothing is flushed, the next start recovers from the write-ahead log. */
  async crashPostgres(awayMs: number): Promise<void> {
    await this.around('postgres', awayMs, (record) => stopPostgres(record, 'immediate'));
  }

  async restartKafka(awayMs: number, kill: boolean): Promise<void> {
    await this.around('kafka', awayMs, (record) => stopKafka(record, kill));
  }

  async restartRedis(awayMs: number, kill: boolean): Promise<void> {
    await this.around('redis', awayMs, (record) => stopRedis(record, kill));
  }

  async flushRedis(): Promise<void> {
    await flushRedis(this.redisUrl!);
  }

  private async around(part: Part, awayMs: number, stop: (record: NonNullable<ReturnType<typeof readRecord>>) => Promise<void>): Promise<void> {
    const record = readRecord(this.set, part);
    if (!record?.process) throw new Error(`${part} of set ${this.set.name} is not a process of ours`);
    await stop(record);
    await sleep(awayMs);
    const started = await startNative(this.set, part, this.progress);
    writeRecord(this.set, part, { ...started, owner: record.owner });
  }
}
