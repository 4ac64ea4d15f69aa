import { classifySqlFailure, inPipelinedTransaction, type Pool } from '#libs/platform';
import { lockRulebookShared } from '../batch/first-round.projection.js';
import { RepeatBatch } from '../batch/repeat.js';
import { runStep } from '../batch/run-step.projection.js';
import type { ProjectionContext } from '../projection-context.js';
import { openBatch } from '../store/offset.store.js';

const slice = 200;

/**
 * Applies judgements that came before their fact could be seen: the ordinary step without new events, so under the lead's
 * lock. Returns how many waited with their whole chain visible.
 */
export async function sweepJudgements(pool: Pool, context: ProjectionContext): Promise<number> {
  let swept = 0;
  for (;;) {
    const found = await repeating(() => sweepOnce(pool, context));
    swept += found;
    if (found < slice) return swept;
  }
}

async function sweepOnce(pool: Pool, context: ProjectionContext): Promise<number> {
  return inPipelinedTransaction(pool, async (client) => {
    await lockRulebookShared(client);
    const waiting = await client.query<{ event: string; target: string }>(
      `select u.event, u.target from unapplied_judgement u join event t on t.id = u.target
        left join event f on t.kind = 'judgement' and f.id = t.refers_to
        where t.kind <> 'judgement' or f.id is not null or t.refers_to is null
        order by u.event limit ${slice} for update of u skip locked`,
    );
    if (waiting.rows.length === 0) return 0;
    const opened = await openBatch(client);
    const rulebook = await context.rulebook(client, opened.version);
    const question = { fresh: [], waiting: waiting.rows, freshIds: new Set<string>() };
    const done = await runStep({
      client,
      context,
      rulebook,
      batch: opened.batch,
      listeners: new Set(opened.listeners),
      fresh: [],
      question,
    });
    if (done.notices > 0) client.later(client.query('notify leadfold_outbox'));
    return waiting.rows.length;
  });
}

/** The same transaction again after a deadlock or a changed identity, as a batch does. */
export async function repeating<T>(work: () => Promise<T>, most = 100): Promise<T> {
  for (let repeats = 1; ; repeats += 1)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RepeatBatch || classifySqlFailure(error) === 'conflict') || repeats >= most) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(5 * repeats, 100)));
    }
}
