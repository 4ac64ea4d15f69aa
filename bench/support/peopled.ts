import { createPool, type Pool } from '#libs/platform';
import { ensureDefaultRulebook, saveVersion, publish, liveRulebook, type RulebookDocument } from '#libs/projection';
import type { System, SystemOptions } from '#tools/supervisor/system';
import { makePlace, until, type Place } from './bench-system.js';
import { backlogOf } from './crossing-stretch.js';
import { appendAll, logWorkload } from './log-workload.js';
import { zone } from './oracle.js';
import type { Bench } from './row.js';

export interface Peopled {
  place: Place;
  system: System;
  /** Roots, visitors among them. */
  leads: number;
  end(): Promise<void>;
}

/** A place with so many leads of three events each and a few more, folded by the projector that goes on running. */
export async function peopled(
  bench: Bench,
  leads: number,
  options: Pick<SystemOptions, 'apps' | 'env'>,
): Promise<Peopled> {
  const place = await makePlace(bench);
  let system: System | undefined;
  const end = async () => {
    await system?.stop();
    await place.end();
  };
  try {
    await ensureDefaultRulebook(place.pool);
    system = await place.start(options);
    // flat enough that nearly everybody comes up
    const log = logWorkload({ leads, events: leads * 3, s: 0.3, seed: 4, until: Date.now() });
    await appendAll(place.eventLog, log.records);
    await until('the leads are there', 600_000, async () => (await backlogOf(place)) <= 0, 100);
    const found = await place.pool.query<{ n: number }>(
      'select count(*)::int as n from lead where merged_into is null',
    );
    await place.pool.query('analyze');
    return { place, system, leads: found.rows[0]!.n, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The live rulebook with other points throughout, and nothing else changed: no signal is counted anew. */
export async function otherPoints(place: Place): Promise<RulebookDocument> {
  const { document } = await liveRulebook(place.pool, zone);
  const copy = structuredClone(document) as unknown as { engagement: { points: number }[] };
  for (const rule of copy.engagement) rule.points += rule.points > 0 ? 3 : -3;
  return copy as unknown as RulebookDocument;
}

export async function publishOther(place: Place): Promise<number> {
  const version = await saveVersion(place.pool, await otherPoints(place), 'bench', 'points only');
  await publish(place.pool, version, 'bench');
  return version;
}

/** Long statements of the bench itself, beside the place's own pool. */
export const patientPool = (place: Place): Pool =>
  createPool(
    { url: place.databaseUrl, applicationName: 'leadfold-bench', max: 2, statementTimeoutMs: 0 },
    () => undefined,
  );
