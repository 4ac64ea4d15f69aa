import { tzdataVersion } from '#libs/leads/domain';
import { DomainError, type Pool } from '#libs/platform';

/**
 * The zone is recorded at the first start and never changed silently: stored counters are by its days. A newer tzdata may
 * count some days otherwise; it is recorded, and returned as what an operator should look at.
 */
export async function recordZone(pool: Pool, given: string | undefined): Promise<{ tzdata: string; before: string }[]> {
  const zone = await recordOnce(pool, 'time-zone', given ?? 'Asia/Tokyo');
  if (given !== undefined && zone !== given)
    throw new DomainError(
      'time-zone-changed',
      `This database counts days in ${zone}, TIME_ZONE says ${given}. Changing the zone is a rebuild.`,
    );
  const before = await recordOnce(pool, 'tzdata', tzdataVersion());
  if (before === tzdataVersion()) return [];
  await pool.query(`update setting set value = $1, changed_at = clock_timestamp() where key = 'tzdata'`, [
    JSON.stringify(tzdataVersion()),
  ]);
  return [{ tzdata: tzdataVersion(), before }];
}

async function recordOnce(pool: Pool, key: string, value: string): Promise<string> {
  await pool.query('insert into setting (key, value) values ($1, $2) on conflict do nothing', [
    key,
    JSON.stringify(value),
  ]);
  const found = await pool.query<{ value: string }>('select value from setting where key = $1', [key]);
  return found.rows[0]!.value;
}
