import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '#libs/platform';

const slice = 500;
const pauseMs = 50;

/**
 * Deletes notices that were taken and facts that are on the log, once they are older than `keepDays`. By primary key from
 * the oldest on, so that no index is kept for it: ids grow with time, and what is younger ends the walk. What waits or rests
 * stays, however old. Nothing else relies on these rows: runs and deliveries are unique by what caused them, the log's
 * facts by their event; a signal that a judgement states again after this enrols nobody (`EnrolReactor`).
 */
export class Housekeeping {
  private stopped = false;

  constructor(
    private readonly pool: Pool,
    private readonly keepDays: number,
  ) {}

  /** One walk over each table, in slices that other work goes between. Returns how many rows went. */
  async clean(): Promise<number> {
    return (await this.walk('outbox', 'taken_at')) + (await this.walk('fact_outbox', 'sent_at'));
  }

  stop(): void {
    this.stopped = true;
  }

  private async walk(table: 'outbox' | 'fact_outbox', done: 'taken_at' | 'sent_at'): Promise<number> {
    let gone = 0;
    for (let after = 0; !this.stopped; await delay(pauseMs)) {
      const result = await this.pool.query<{ last: number | null; seen: number; gone: number; young: boolean }>(
        cleanSql(table, done),
        [after, slice, this.keepDays],
      );
      const { last, seen, gone: more, young } = result.rows[0]!;
      gone += more;
      if (seen < slice || young || last === null) break;
      after = last;
    }
    return gone;
  }
}

const cleanSql = (table: string, done: string): string => `with oldest as materialized (
     select id, created_at, ${done} as done from ${table} where id > $1 order by id limit $2
   ), held as materialized (
     -- an operator's release may hold one of them
     select o.id from ${table} o
     where o.id = any(array(select id from oldest where done < leadfold_now() - $3::int * interval '1 day'))
     order by o.id for update skip locked
   ), gone as (
     delete from ${table} o where o.id = any(array(select id from held)) returning 1
   )
   select max(id) as last, count(*)::int as seen, (select count(*)::int from gone) as gone,
     coalesce(bool_or(created_at > leadfold_now() - $3::int * interval '1 day'), false) as young
   from oldest`;
