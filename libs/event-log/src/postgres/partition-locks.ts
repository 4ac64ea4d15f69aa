import type { PoolClient } from '#libs/platform';
import { partitionCount, type Topic } from '../port.js';
import { textHash } from '../partition-of.js';

/**
 * Who consumes which partition, by advisory locks of one session: they vanish with it, however it dies. Every member
 * takes its fair share and gives back what is above it.
 */
export class PartitionLocks {
  private readonly owned = new Map<Topic, Set<number>>();
  private readonly memberClass: number;

  constructor(
    private readonly client: PoolClient,
    private readonly group: string,
    private readonly topics: Topic[],
  ) {
    this.memberClass = textHash(`leadfold log members ${group}`);
    for (const topic of topics) this.owned.set(topic, new Set());
  }

  async join(): Promise<void> {
    await this.client.query('listen leadfold_log');
    await this.client.query('listen leadfold_log_members');
    await this.client.query('select pg_advisory_lock($1, pg_backend_pid() & 2147483647)', [this.memberClass]);
    await this.tell();
  }

  /** What to give back and what was newly taken; `complete` is false while others still hold part of our share. */
  async balance(): Promise<{ surplus: [Topic, number][]; gained: [Topic, number][]; complete: boolean }> {
    const surplus: [Topic, number][] = [];
    const gained: [Topic, number][] = [];
    let complete = true;
    const held = await this.heldLocks();
    const share = Math.ceil(partitionCount / Math.max(held.get(this.memberClass)?.size ?? 1, 1));
    for (const topic of this.topics) {
      const owned = this.owned.get(topic)!;
      if (owned.size > share)
        surplus.push(...[...owned].slice(share).map((partition): [Topic, number] => [topic, partition]));
      const taken = held.get(this.classOf(topic));
      const free = Array.from({ length: partitionCount }, (_, partition) => partition).filter(
        (partition) => !taken?.has(partition),
      );
      const wanted = free.slice(0, Math.max(share - owned.size, 0));
      if (wanted.length === 0) continue;
      const locked = await this.client.query<{ partition: number; locked: boolean }>(
        'select p as partition, pg_try_advisory_lock($1, p) as locked from unnest($2::int[]) as p',
        [this.classOf(topic), wanted],
      );
      for (const row of locked.rows) {
        if (!row.locked) complete = false;
        else {
          owned.add(row.partition);
          gained.push([topic, row.partition]);
        }
      }
    }
    return { surplus, gained, complete };
  }

  async giveBack(topic: Topic, partition: number): Promise<void> {
    this.owned.get(topic)!.delete(partition);
    await this.client.query('select pg_advisory_unlock($1, $2)', [this.classOf(topic), partition]);
    await this.tell();
  }

  private async tell(): Promise<void> {
    await this.client.query("select pg_notify('leadfold_log_members', '')");
  }

  private classOf(topic: Topic): number {
    return textHash(`leadfold log ${this.group} ${topic}`);
  }

  private async heldLocks(): Promise<Map<number, Set<number>>> {
    const classes = [this.memberClass, ...this.topics.map((topic) => this.classOf(topic))];
    const found = await this.client.query<{ classid: string; objid: string }>(
      `select classid::text, objid::text from pg_locks
       where locktype = 'advisory' and objsubid = 2 and granted and classid::bigint = any ($1::bigint[])
         and database = (select oid from pg_database where datname = current_database())`,
      [classes],
    );
    const held = new Map<number, Set<number>>(classes.map((each) => [each, new Set()]));
    for (const row of found.rows) held.get(Number(row.classid))!.add(Number(row.objid));
    return held;
  }
}
