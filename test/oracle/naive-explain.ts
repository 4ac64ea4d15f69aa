import type { LeadEvent, LeadState, SubjectKey, Zone } from '#libs/leads/domain';
import { emptyState } from '#libs/leads/domain';
import type { CompiledRulebook } from '#libs/projection/domain';
import { naiveFold, type NaiveOptions } from './naive-fold.js';
import { NaiveLooker } from './naive-look.js';

/** What an explanation must say, recomputed from raw events by the two slow definitions. */
export interface NaiveExplanation {
  engagement: number;
  fit: number;
  score: number;
  grade: string;
  band: string;
  temperature: string;
  hotRules: string[];
  segments: string[];
  lines: {
    name: string;
    points: number;
    count: number | undefined;
    firstAt: number | undefined;
    lastAt: number | undefined;
    first: string;
    last: string;
  }[];
  facts: number;
  state: LeadState;
}

export function naiveExplain(
  key: SubjectKey,
  /** Of the answer: for a browser of which nothing is known but whose it is. */
  told: readonly SubjectKey[],
  known: readonly LeadEvent[],
  rulebook: CompiledRulebook,
  zone: Zone,
  options: NaiveOptions & { until: number },
  stage: string | null,
): NaiveExplanation {
  const leads = [...naiveFold(known, rulebook.signals.all, zone, options)];
  const named =
    leads.some(([keys]) => keys.split(' ').includes(key)) || key.startsWith('a:') === false ? key : (told[0] ?? key);
  const state = leads.find(([keys]) => keys.split(' ').includes(named))?.[1] ?? emptyState();
  const looker = lookerOf(state, rulebook, options.until, stage);
  const { engagement, fit, score, grade, band, temperature, hotRules, segments } = looker.look();
  const facts = ownFacts(named, known, zone, options);
  const lines = rulebook.document.engagement.flatMap((rule) => {
    const signal = rulebook.signalNames.get(rule.signal)!;
    const verdict = (event: LeadEvent) => verdictIn(known, event.id);
    const days = rule.window === undefined ? Infinity : Number.parseInt(rule.window, 10);
    const counted = facts.filter((event) => {
      const age = zone.localDay(options.until) - zone.localDay(event.occurredAt);
      return age <= days && signal.matches(event, verdict(event));
    });
    const [first, last] = [counted[0], counted.at(-1)];
    if (!first || !last) return [];
    const distinct = new Map<number, Set<string | undefined>>();
    for (const event of counted) {
      const day = zone.localDay(event.occurredAt);
      distinct.set(day, (distinct.get(day) ?? new Set()).add(signal.distinctOf(event, zone)));
    }
    const different = [...distinct.values()].reduce(
      (total, values) => total + [...values].filter((value) => value !== undefined).length,
      0,
    );
    return [
      {
        name: rule.signal,
        points: looker.line(rule),
        count: rule.count === 'distinct' ? different : counted.length,
        firstAt: first.occurredAt,
        lastAt: last.occurredAt,
        first: first.id,
        last: last.id,
      },
    ];
  });
  return {
    engagement,
    fit,
    score,
    grade,
    band,
    temperature,
    hotRules,
    segments,
    lines: lines.filter(({ count }) => count > 0),
    facts: facts.length,
    state,
  };
}

/** An event is the lead's if the lead would be another without it: no ownership rule is written here again. */
function ownFacts(
  key: SubjectKey,
  known: readonly LeadEvent[],
  zone: Zone,
  options: NaiveOptions & { until: number },
): LeadEvent[] {
  const marked = known.map((event) => ({ ...event, properties: { ...event.properties, theEvent: event.id } }));
  const marker = {
    name: 'marker',
    hash: 'marker',
    definition: { event: 'track' as const, distinctBy: 'theEvent' },
    needsVerdict: false,
    types: [],
    matches: () => true,
    sumOf: () => undefined,
    distinctOf: (event: LeadEvent) => event.id,
  };
  const leads = [...naiveFold(marked, [marker], zone, options)];
  const state = leads.find(([keys]) => keys.split(' ').includes(key))?.[1];
  const ids = new Set(Object.values(state?.counters['marker'] ?? {}).flatMap((day) => day.distinct ?? []));
  return known
    .filter((event) => ids.has(event.id))
    .sort((a, b) => a.occurredAt - b.occurredAt || (a.id < b.id ? -1 : 1));
}

function verdictIn(known: readonly LeadEvent[], id: string): 'human' | 'machine' | 'unsure' | undefined {
  const last = (events: LeadEvent[]) =>
    events.sort((a, b) => a.occurredAt - b.occurredAt || (a.id < b.id ? -1 : 1)).at(-1);
  const standing = known.filter(
    (event) =>
      event.type === 'verdict' &&
      event.refersTo === id &&
      last(known.filter((other) => other.type === 'retraction' && other.refersTo === event.id))?.name !== 'withdrawn',
  );
  return last(standing)?.name as 'human' | undefined;
}

const lookerOf = (state: LeadState, rulebook: CompiledRulebook, at: number, stage: string | null): NaiveLooker =>
  new NaiveLooker(
    rulebook.document,
    (name) => rulebook.signalNames.get(name)!.hash,
    state,
    rulebook.zone.localDay(at),
    stage,
  );

/** Day after day, until the lead is hot no more; null if it is for longer than anybody looks ahead. */
export function naiveHotUntil(
  state: LeadState,
  rulebook: CompiledRulebook,
  at: number,
  stage: string | null,
): number | null {
  const today = rulebook.zone.localDay(at);
  for (let day = today + 1; day <= today + 400; day += 1) {
    const instant = rulebook.zone.dayStart(day);
    if (lookerOf(state, rulebook, instant, stage).look().temperature !== 'hot') return instant;
  }
  return null;
}
