import type { Notice } from '#libs/delivery';
import { describeEvent, emptyState, freshMemory, type Json, type LeadEvent, type LeadState } from '#libs/leads/domain';
import {
  describeRules,
  explain,
  flatLines,
  liveRulebook,
  readLeads,
  readLastActions,
  type CompiledRulebook,
  type LeadRead,
  type TimelineEvent,
} from '#libs/projection';
import type { AlertReader } from './alert.reactor.js';
import type { AlertInput, Locale } from './domain/index.js';

const shownActions = 3;

export interface AlertReaderOptions {
  locale: Locale;
  apiUrl: string;
}

/** What an alert tells: the lead as it is read now, under the live rulebook. All of it is asked for at once. */
export const alertReader =
  (options: AlertReaderOptions): AlertReader =>
  async (client, notices) => {
    const [rulebook, leads, actions] = await Promise.all([
      liveRulebook(client),
      readLeads(
        client,
        notices.map((notice) => notice.lead),
      ),
      readLastActions(
        client,
        notices.map((notice) => notice.lead),
        shownActions,
      ),
    ]);
    return notices.map((notice) =>
      inputOf(notice, leads.get(notice.lead), actions.get(notice.lead) ?? [], rulebook, options),
    );
  };

function inputOf(
  notice: Notice,
  lead: LeadRead | undefined,
  actions: readonly TimelineEvent[],
  rulebook: CompiledRulebook,
  { locale, apiUrl }: AlertReaderOptions,
): AlertInput {
  const state = lead?.state ?? emptyState();
  const at = notice.createdAt.getTime();
  const id = lead?.id ?? notice.lead;
  const explained = explain(state, rulebook, lead?.memory ?? freshMemory(), at, locale);
  return {
    crossing: notice.event,
    lead: id,
    at,
    who: whoIs(state, notice.subjectKey),
    rules: rulesOf(notice, rulebook, locale),
    score: {
      total: explained.score.total,
      engagement: explained.engagement.total,
      fit: explained.fit.total,
      grade: explained.fit.grade,
    },
    lines: flatLines(explained, rulebook),
    actions: actions.map((event) => actionOf(event, locale)),
    links: [
      { label: locale === 'ja' ? 'リードの詳細（API）' : 'Lead (API)', url: new URL(`/v1/leads/${id}`, apiUrl).href },
    ],
    timeZone: rulebook.zone.name,
  };
}

/** The rules that the crossing names, as then decided. One that the rulebook no longer has keeps its name. */
function rulesOf(notice: Notice, rulebook: CompiledRulebook, locale: Locale): AlertInput['rules'] {
  const names = Array.isArray(notice.payload['rules']) ? notice.payload['rules'].map(String) : [];
  const described = new Map(describeRules(rulebook, names, locale).map((rule) => [rule.name, rule]));
  return names.map((name) => ({
    name: described.get(name)?.label ?? name,
    conditions: described.get(name)?.conditions ?? [],
  }));
}

function actionOf({ occurredAt, type, body }: TimelineEvent, locale: Locale): AlertInput['actions'][number] {
  const event = { properties: {}, ...body, type, occurredAt } as unknown as LeadEvent;
  return { at: occurredAt, label: describeEvent(event, locale) };
}

function whoIs({ profile }: LeadState, subjectKey: string): AlertInput['who'] {
  const text = (name: string): string | undefined => {
    const value: Json | undefined = profile[name]?.value;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    name: text('displayName'),
    company: text('company.name'),
    position: text('jobTitle') ?? text('position'),
    email: text('email') ?? (subjectKey.startsWith('e:') ? subjectKey.slice(2) : undefined),
  };
}
