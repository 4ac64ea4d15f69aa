import { createDeliveries, type CreatedDelivery, type NewDelivery } from '#libs/delivery';
import { databaseNow, type PoolClient } from '#libs/platform';
import { advance, type Calendar, type Effect } from './domain/advance.js';
import { localeOf, readLeads, viewOf, type ConditionJudge, type LeadRecord } from './lead-view.store.js';
import { lockRuns, saveRun, type RunRow } from './run.store.js';
import type { ScenarioVersions } from './scenario.store.js';
import { latestTemplates, type LatestTemplate } from './template.store.js';

export interface StepParts {
  versions: ScenarioVersions;
  calendar: Calendar;
  judge: ConditionJudge;
  defaultLocale: 'ja' | 'en';
}

export interface Stepped {
  created: CreatedDelivery[];
  /** Runs whose next look is a while off, for the timer. */
  scheduled: { run: string; inMs: number }[];
}

/**
 * Steps of runs in the caller's transaction: lock, read the lead again, advance, and write run, log and deliveries
 * together. A death before the commit leaves nothing; after it nothing is left to do.
 */
export async function stepRuns(client: PoolClient, ids: string[], parts: StepParts, evenNotDue = false): Promise<Stepped> {
  const runs = await lockRuns(client, ids, evenNotDue);
  if (!runs.length) return { created: [], scheduled: [] };
  const now = await databaseNow(client);
  const leads = await readLeads(client, runs.map((run) => run.subjectKey));
  const holds = await parts.judge(client);
  const deliveries: { row: RunRow; record: LeadRecord; step: string; template: string }[] = [];
  const scheduled: Stepped['scheduled'] = [];
  for (const row of runs) {
    const record = leads.get(row.subjectKey);
    if (!record) {
      // an erased person, or a key that was withdrawn: nobody is left to write to
      await saveRun(client, row.id, { ...row.run, state: 'exited', exitReason: 'no-lead' }, [{ kind: 'exit', step: row.run.step, reason: 'no-lead' }], now);
      continue;
    }
    const scenario = await parts.versions.read(client, row.scenario, row.version);
    const view = viewOf(record, { subjectKey: row.subjectKey, olderRun: row.olderRun, now: now.getTime(), holds });
    const { run, effects } = advance(row.run, scenario, view, now.getTime(), parts.calendar);
    await saveRun(client, row.id, run, effects, now);
    for (const effect of effects.filter(isSend)) deliveries.push({ row, record, step: effect.step, template: effect.template });
    if (run.until !== undefined) scheduled.push({ run: row.id, inMs: run.until - now.getTime() });
  }
  const templates = await latestTemplates(client, deliveries.map((d) => d.template));
  const created = await createDeliveries(
    client,
    deliveries.map((d) => deliveryOf(d, templates, parts.defaultLocale)),
  );
  return { created, scheduled };
}

const isSend = (effect: Effect): effect is Extract<Effect, { kind: 'send' }> => effect.kind === 'send';
const weekMs = 7 * 24 * 3_600_000;

function deliveryOf(
  { row, record, step, template }: { row: RunRow; record: LeadRecord; step: string; template: string },
  templates: Map<string, LatestTemplate>,
  defaultLocale: 'ja' | 'en',
): NewDelivery {
  const wanted = localeOf(record, defaultLocale);
  const found = templates.get(`${template}:${wanted}`) ?? templates.get(`${template}:${wanted === 'ja' ? 'en' : 'ja'}`);
  return {
    key: `${row.id}:${step}`, purpose: 'nurture', channel: 'email',
    lead: record.lead, subjectKey: row.subjectKey, recipient: record.email!,
    run: row.id, step, limitMs: weekMs,
    ...(found ? {} : { suppressed: 'no-template' }),
    payload: { scenario: row.scenario, template, version: found?.version ?? 0, locale: found?.locale ?? wanted },
  };
}
