import { createDeliveries, dueChannel, type CreatedDelivery } from '#libs/delivery';
import { newId, type Pool } from '#libs/platform';

/** Nurture mails, due, one per recipient, and a worker told so. */
export async function mailsDue(
  pool: Pool,
  recipients: string[],
  more: { limitMs?: number; dueAt?: Date } = {},
): Promise<CreatedDelivery[]> {
  const created = await createDeliveries(
    pool,
    recipients.map((recipient, i) => {
      const run = newId();
      return {
        ...more,
        key: `${run}:hello`,
        purpose: 'nurture',
        channel: 'email',
        lead: i + 1,
        subjectKey: `e:${recipient}`,
        recipient,
        run,
        step: 'hello',
        payload: { scenario: 'welcome', template: 'hello', version: 1, locale: 'en' },
      };
    }),
  );
  await handOutNow(pool);
  return created;
}

/** As if nothing had been handed out yet: the sweep gives everything due to the queue, now. */
export async function handOutNow(pool: Pool): Promise<void> {
  await pool.query(
    "with due as (update delivery set enqueued_at = null where state = 'pending' returning 1) select pg_notify($1, ''), count(*) from due",
    [dueChannel],
  );
}
