import type { Pool } from '#libs/platform';
import { publish, saveVersion, type RulebookDocument } from '#libs/projection';
import { testSignals } from '../oracle/histories.js';

/** Small, and every part of it can be reached with a few events. */
export const testRulebook = (changes: Partial<RulebookDocument> = {}): RulebookDocument =>
  ({
    signals: Object.fromEntries(testSignals.map((signal) => [signal.name, signal.definition])),
    engagement: [
      { signal: 'viewed-product', points: 10, timesPerDay: 10, window: '90d' },
      { signal: 'sent-form', points: 30, window: '30d' },
    ] as RulebookDocument['engagement'],
    fit: [],
    grades: { A: 60, B: 40, C: 20 },
    score: { engagement: 1, fit: 0.5, minimum: 0, bands: { high: 70, middle: 30 } },
    warm: { band: 'middle' },
    hot: { 'score-of-70': { score: { gte: 70 } } },
    rearm: { not: { score: { gte: 50 } } },
    stages: [{ name: 'visitor' }, { name: 'lead', when: { signal: 'sent-form' } }],
    segments: { engaged: { engagement: { gte: 40 } } },
    ...changes,
  }) as RulebookDocument;

export async function publishTestRulebook(pool: Pool, changes: Partial<RulebookDocument> = {}): Promise<number> {
  const version = await saveVersion(pool, testRulebook(changes), 'test');
  await publish(pool, version, 'test');
  return version;
}
