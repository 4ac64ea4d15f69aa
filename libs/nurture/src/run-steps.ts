import { createDeliveries, type CreatedDelivery, type NewDelivery } from '#libs/delivery';
import { classifySqlFailure, databaseNow, DomainError, sqlStateOf, type PoolClient } from '#libs/platform';
import { readsAccount } from './domain/scenario-conditions.js';
import { advance, type Calendar, type Effect, type Run } from './domain/advance.js';
import { localeOf, readLeads, viewOf, type ConditionJudge, type LeadRecord } from './lead-view.store.js';
import { lockRuns, saveRuns, type RunRow, type StepOfRun } from './run.store.js';
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

interface Sending {
  row: RunRow;
  record: LeadRecord;
  step: string;
  template: string;
}

/** How long a run rests that cannot be judged or written. */
export const restMs = 15 * 60_000;

/**
 * Steps of runs in the caller's transaction: lock, read the leads again, advance each, and write runs, log and
 * deliveries together, in as many statements for five hundred as for one. A death before the commit leaves nothing;
 * after it nothing is left to do.
 */
export async function stepRuns(
  client: PoolClient,
  ids: string[],
  parts: StepParts,
  evenNotDue = false,
): Promise<Stepped> {
  const runs = await lockRuns(client, ids, evenNotDue);
  if (!runs.length) return { created: [], scheduled: [] };
  const now = await databaseNow(client);
  const leads = await readLeads(
    client,
    runs.map((run) => run.subjectKey),
  );
  const holds = await parts.judge(client);
  // each company once for all of its runs, and only if one of them asks
  let companies: ReturnType<ConditionJudge> | undefined;
  const steps: StepOfRun[] = [];
  const sending: Sending[] = [];
  for (const row of runs) {
    const record = leads.get(row.subjectKey);
    try {
      const { run, effects } = record ? await take(row, record) : gone(row);
      steps.push({ id: row.id, run, effects });
      if (record)
        for (const effect of effects.filter(isSend))
          sending.push({ row, record, step: effect.step, template: effect.template });
    } catch (error) {
      // the database's trouble is everybody's; the run's own stops nobody else
      if (classifySqlFailure(error) !== 'other' || sqlStateOf(error)) throw error;
      const rest = {
        kind: 'rest' as const,
        step: row.run.step,
        reason: error instanceof DomainError ? error.code : 'step-failed',
        error: (error as Error).message.slice(0, 300),
      };
      steps.push({ id: row.id, run: row.run, effects: [rest], restUntil: new Date(now.getTime() + restMs) });
    }
  }
  await saveRuns(client, steps, now);
  const templates = await latestTemplates(
    client,
    sending.map((d) => d.template),
  );
  const created = await createDeliveries(
    client,
    sending.map((d) => deliveryOf(d, templates, parts.defaultLocale)),
  );
  const scheduled = steps.flatMap(({ id, run }) =>
    run.until === undefined ? [] : [{ run: id, inMs: run.until - now.getTime() }],
  );
  return { created, scheduled };

  async function take(row: RunRow, record: LeadRecord) {
    const scenario = await parts.versions.read(client, row.scenario, row.version);
    const judging = readsAccount(scenario)
      ? await (companies ??= parts.judge(client, { records: await askingOfCompanies(), now: now.getTime() }))
      : holds;
    const more = { subjectKey: row.subjectKey, olderRun: row.olderRun, now: now.getTime(), holds: judging };
    const view = viewOf(record, more);
    return advance(row.run, scenario, view, now.getTime(), parts.calendar);
  }

  async function askingOfCompanies(): Promise<LeadRecord[]> {
    const asking: LeadRecord[] = [];
    for (const { scenario, version, subjectKey } of runs) {
      const record = leads.get(subjectKey);
      if (record && readsAccount(await parts.versions.read(client, scenario, version))) asking.push(record);
    }
    return asking;
  }
}

/** An erased person, or a key that was withdrawn: nobody is left to write to. */
function gone({ run }: RunRow): { run: Run; effects: Effect[] } {
  return {
    run: { ...run, state: 'exited', exitReason: 'no-lead' },
    effects: [{ kind: 'exit', step: run.step, reason: 'no-lead' }],
  };
}

const isSend = (effect: Effect): effect is Extract<Effect, { kind: 'send' }> => effect.kind === 'send';
const weekMs = 7 * 24 * 3_600_000;

function deliveryOf(
  { row, record, step, template }: Sending,
  templates: Map<string, LatestTemplate>,
  defaultLocale: 'ja' | 'en',
): NewDelivery {
  const wanted = localeOf(record, defaultLocale);
  const found = templates.get(`${template}:${wanted}`) ?? templates.get(`${template}:${wanted === 'ja' ? 'en' : 'ja'}`);
  return {
    key: `${row.id}:${step}`,
    purpose: 'nurture',
    channel: 'email',
    lead: record.lead,
    subjectKey: row.subjectKey,
    recipient: record.email!,
    run: row.id,
    step,
    limitMs: weekMs,
    ...(found ? {} : { suppressed: 'no-template' }),
    payload: { scenario: row.scenario, template, version: found?.version ?? 0, locale: found?.locale ?? wanted },
  };
}
