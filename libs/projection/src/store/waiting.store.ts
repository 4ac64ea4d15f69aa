import type { Queryable } from '#libs/platform';

/** What waits for the upkeep. Each may be there and still not be taken: locked by a batch, or unable to go on yet. */
export interface Waiting {
  judgements: boolean;
  refolds: boolean;
  due: boolean;
  accounts: boolean;
  /** The publish that is live; null before the first. */
  publish: number | null;
}

/** One journey: an idle projector asks nothing else. */
export async function readWaiting(db: Queryable): Promise<Waiting> {
  const found = await db.query<Waiting>({
    name: 'leadfold-waiting',
    text: `select exists (select 1 from unapplied_judgement) as judgements,
      exists (select 1 from lead where refold_pending and merged_into is null) as refolds,
      exists (select 1 from lead_rank where next_change_at <= leadfold_now()) as due,
      exists (select 1 from account_change) or exists (select 1 from account where next_change_at <= leadfold_now()) as accounts,
      (select id from rulebook_publish order by id desc limit 1) as publish`,
  });
  return found.rows[0]!;
}
