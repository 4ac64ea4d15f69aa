import { qualificationPrefix } from '#libs/leads/domain';
import type {
  Condition,
  ExplainedLine,
  Grade,
  LeadMemory,
  LeadState,
  Locale,
  LocalDay,
  Temperature,
  Band,
} from '#libs/leads/domain';
import { cellOf, cellWords, detailsOf, weighted, type EngagementLine, type MatrixCell } from '#libs/scoring/domain';
import { nodesOf } from '#libs/segments/domain';
import { labelOf, type CompiledRulebook } from './compile.js';
import type { LeadFacts } from './facts.js';
import { explainHeld, type HeldExplanation } from './held-moves.js';
import { factsOf, hotUntil } from './look.js';

/** Points are tenths throughout. The lines of a part sum to its total, exactly. */
export interface EngagementExplanation {
  kind: 'signal' | 'group';
  /** Name of the signal, or of the group whose cap this corrects. */
  name: string;
  label: string;
  points: number;
  count?: number;
  firstAt?: number;
  lastAt?: number;
  /** beforeDecay + decay + capped + expired = points */
  beforeDecay?: number;
  decay?: number;
  capped?: number;
  expired?: number;
  /** Only where it was explained from the events themselves. */
  events?: LineEvents;
}

/** Event ids. */
export interface LineEvents {
  first: string;
  last: string;
  /** The newest, newest first. */
  ids: string[];
}

export interface FitExplanation extends ExplainedLine {
  points: number;
  /** Ids of the events that set what the rule reads. */
  events: string[];
}

export interface RuleExplanation {
  name: string;
  label: string;
  held: boolean;
  lines: ExplainedLine[];
}

export interface Explanation {
  rulebook: number;
  day: LocalDay;
  engagement: { total: number; lines: EngagementExplanation[] };
  fit: { total: number; grade: Grade; lines: FitExplanation[] };
  score: {
    total: number;
    band: Band;
    lines: { kind: 'engagement' | 'fit' | 'minimum'; label: string; points: number }[];
  };
  temperature: Temperature;
  /** All hot rules; what is missing to be hot are the lines that do not hold. */
  hot: RuleExplanation[];
  warm: RuleExplanation;
  /** Where the rulebook splits warm from cold by a matrix: the lead's cell, in words too. */
  matrix: (MatrixCell & { text: string }) | null;
  stage: {
    name: string | null;
    label: string | null;
    phase: 'TOFU' | 'MOFU' | 'BOFU' | null;
    conditions: RuleExplanation[];
    /** Moves that wait, and for what. */
    held: HeldExplanation[];
  };
  segments: string[];
  /** Milliseconds; null if not hot, or hot for more than the horizon whatever happens. */
  hotUntil: number | null;
}

const words = {
  ja: { engagement: '行動スコア', fit: '属性スコア', minimum: '下限への補正', cap: 'の上限', warm: 'ウォーム' },
  en: {
    engagement: 'Engagement',
    fit: 'Fit',
    minimum: 'Raised to the minimum',
    cap: ': limit of the group',
    warm: 'Warm',
  },
};

/** Why a lead stands where it stands, to the last tenth of a point. */
export function explain(
  state: LeadState,
  rulebook: CompiledRulebook,
  memory: LeadMemory,
  now: number,
  locale: Locale,
  eventsOf?: (line: EngagementLine) => LineEvents | undefined,
): Explanation {
  const facts = factsOf(state, rulebook, memory, now);
  const label = (name: string) => labelOf(rulebook.document, name, locale) ?? name;
  const rule = (
    name: string,
    when: { explain: CompiledRulebook['warm']['explain'] },
    shown = label(name),
  ): RuleExplanation => ({
    name,
    label: shown,
    ...when.explain(facts, locale),
  });
  const { temperature, stage } = facts;
  return {
    rulebook: rulebook.version,
    day: facts.today,
    engagement: { total: facts.engagement, lines: engagementLines(facts, label, locale, eventsOf) },
    fit: {
      total: facts.fit,
      grade: facts.grade,
      lines: rulebook.fit.rules.map(({ rule: { label: named, when: condition }, when, points }) => {
        const held = when.evaluate(facts);
        return {
          text: named ?? when.describe(locale),
          held,
          unknown: when.isUnknown(facts),
          points: held ? points : 0,
          events: settersOf(condition, state),
        };
      }),
    },
    score: { total: facts.score, band: facts.band, lines: scoreLines(facts, locale) },
    temperature,
    hot: rulebook.hot.map(({ name, when }) => rule(name, when)),
    warm: rule('warm', rulebook.warm, words[locale].warm),
    matrix: matrixCell(facts, locale),
    stage: {
      name: stage,
      label: stage === null ? null : label(stage),
      phase: rulebook.funnel.stages.find(({ name }) => name === stage)?.rule.phase ?? null,
      conditions: rulebook.funnel.stages.flatMap(({ name, when }) => (when ? [rule(name, when)] : [])),
      held: explainHeld(facts.stageMove.held, rulebook, (attribute) => facts.known(attribute), locale),
    },
    segments: rulebook.segments.filter(({ name }) => facts.inSegment(name)).map(({ name }) => name),
    hotUntil: temperature === 'hot' ? (hotUntil(state, rulebook, memory, now) ?? null) : null,
  };
}

function matrixCell({ rulebook, grade, engagement }: LeadFacts, locale: Locale): Explanation['matrix'] {
  const { matrix } = rulebook.document;
  if (!matrix) return null;
  const cell = cellOf(matrix, grade, engagement);
  return { ...cell, text: cellWords(cell, engagement, locale) };
}

function settersOf(condition: Condition, { profile, consent }: LeadState): string[] {
  const set = [...nodesOf(condition)].map(({ node }) =>
    'attribute' in node
      ? profile[node.attribute]
      : 'consent' in node
        ? consent[node.consent]
        : 'qualification' in node
          ? profile[qualificationPrefix + node.qualification]
          : undefined,
  );
  return [...new Set(set.flatMap((stamped) => stamped?.event ?? []))];
}

function engagementLines(
  facts: LeadFacts,
  label: (name: string) => string,
  locale: Locale,
  eventsOf?: (line: EngagementLine) => LineEvents | undefined,
): EngagementExplanation[] {
  const { lines, groups } = detailsOf(facts.rulebook.engagement, facts.signalDays, facts.today);
  return [
    ...lines.map(({ line, ...detail }): EngagementExplanation => {
      const events = eventsOf?.(line);
      return {
        kind: 'signal',
        name: line.rule.signal,
        label: label(line.rule.signal),
        ...detail,
        ...(events ? { events } : {}),
      };
    }),
    ...groups.map(({ name, correction }): EngagementExplanation => ({
      kind: 'group',
      name,
      label: `${label(name)}${words[locale].cap}`,
      points: correction,
    })),
  ];
}

function scoreLines({ rulebook, engagement, fit, score }: LeadFacts, locale: Locale): Explanation['score']['lines'] {
  const parts = [
    {
      kind: 'engagement' as const,
      label: words[locale].engagement,
      points: weighted(engagement, rulebook.score.engagement),
    },
    { kind: 'fit' as const, label: words[locale].fit, points: weighted(fit, rulebook.score.fit) },
  ];
  const correction = score - parts[0]!.points - parts[1]!.points;
  return correction === 0 ? parts : [...parts, { kind: 'minimum', label: words[locale].minimum, points: correction }];
}

/** One flat list that still sums to the score: behaviour rule by rule where its weight is 1, largest first. */
export function flatLines(explanation: Explanation, rulebook: CompiledRulebook): { label: string; points: number }[] {
  const { engagement, score } = explanation;
  const flat =
    rulebook.score.engagement === 1000
      ? [...engagement.lines, ...score.lines.filter((line) => line.kind !== 'engagement')]
      : score.lines;
  return flat
    .filter((line) => line.points !== 0)
    .map(({ label, points }) => ({ label, points }))
    .sort((a, b) => Math.abs(b.points) - Math.abs(a.points) || (a.label < b.label ? -1 : 1));
}

/** The conditions of named rules in words, for an alert. Unknown names are left out: the rulebook has moved on. */
export const describeRules = (
  rulebook: CompiledRulebook,
  names: readonly string[],
  locale: Locale,
): { name: string; label: string; conditions: string[] }[] =>
  rulebook.hot
    .filter(({ name }) => names.includes(name))
    .map(({ name, when }) => ({
      name,
      label: labelOf(rulebook.document, name, locale) ?? name,
      conditions: when.parts.map((part) => part.describe(locale)),
    }));
