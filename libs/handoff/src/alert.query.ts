import type { Notice } from '#libs/delivery';
import { describeEvent, emptyState, freshMemory, type Json, type LeadEvent, type LeadState } from '#libs/leads/domain';
import type { PoolClient } from '#libs/platform';
import {
  describeRules,
  explain,
  flatLines,
  liveRulebook,
  readLeads,
  readTimeline,
  type CompiledRulebook,
  type LeadRead,
} from '#libs/projection';
import type { AlertReader } from './alert.reactor.js';
import type { AlertInput, Locale } from './domain/index.js';

/** Actions are looked for among this many of the newest events; decisions and deliveries stand between them. */
const newest = 30;
const actionKinds = ['behaviour', 'identity'];

export interface AlertReaderOptions {
  locale: Locale;
  apiUrl: string;
}

/** What an alert tells: the lead as it is read now, under the live rulebook. */
export const alertReader =
  (options: AlertReaderOptions): AlertReader =>
  async (client, notices) => {
    const rulebook = await liveRulebook(client);
    const leads = await readLeads(
      client,
      notices.map((notice) => notice.lead),
    );
    const inputs: AlertInput[] = [];
    for (const notice of notices) inputs.push(await inputOf(client, notice, leads.get(notice.lead), rulebook, options));
    return inputs;
  };

async function inputOf(
  client: PoolClient,
  notice: Notice,
  lead: LeadRead | undefined,
  rulebook: CompiledRulebook,
  { locale, apiUrl }: AlertReaderOptions,
): Promise<AlertInput> {
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
    actions: await lastActions(client, id, locale),
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

async function lastActions(client: PoolClient, lead: number, locale: Locale): Promise<AlertInput['actions']> {
  const { events } = await readTimeline(client, lead, { limit: newest });
  return events
    .filter((event) => actionKinds.includes(event.kind))
    .slice(0, 3)
    .map(({ occurredAt, type, body }) => {
      const event = { properties: {}, ...body, type, occurredAt } as unknown as LeadEvent;
      return { at: occurredAt, label: describeEvent(event, locale) };
    });
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
