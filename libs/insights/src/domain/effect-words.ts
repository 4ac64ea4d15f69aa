import type { Locale } from '#libs/leads/domain';
import { labelOf, type CompiledRulebook } from '#libs/projection/domain';
import type { LeadShift, RulebookEffect } from './rulebook-effect.js';

/** A lead as a list names it. */
export interface ShownLead {
  displayName: string | null;
  company: string | null;
  email: string | null;
}

const exits: Record<string, { ja: string; en: string }> = {
  lost: { ja: '失注', en: 'lost' },
  disqualified: { ja: '対象外', en: 'disqualified' },
};
const temperatures = {
  hot: { ja: 'ホット', en: 'hot' },
  warm: { ja: 'ウォーム', en: 'warm' },
  cold: { ja: 'コールド', en: 'cold' },
};

const companies = (n: number): string => `${n} ${n === 1 ? 'company' : 'companies'}`;

const sentences = {
  ja: {
    leads: (of: number) => `全${of}件のうち`,
    becomeHot: (n: number) => `${n}件がホットになります`,
    stopBeingHot: (n: number) => `${n}件がホットでなくなります`,
    warmUp: (n: number) => `${n}件がコールドからウォームに上がります`,
    coolDown: (n: number) => `${n}件がウォームからコールドに下がります`,
    heldAlerts: (n: number) => `${n}件のアラートが保留されます`,
    move: (from: string, to: string, n: number) => `${n}件が「${from}」から「${to}」に移ります`,
    segment: (name: string, enter: number, leave: number) =>
      `セグメント「${name}」に${enter}件が入り、${leave}件が外れます`,
    score: (up: number, down: number) => `スコアは${up}件で上がり、${down}件で下がります`,
    companies: {
      becomeHot: (n: number) => `会社${n}社がホットになります`,
      stopBeingHot: (n: number) => `会社${n}社がホットでなくなります`,
      warmUp: (n: number) => `会社${n}社がコールドからウォームに上がります`,
      coolDown: (n: number) => `会社${n}社がウォームからコールドに下がります`,
    },
    nothing: 'どのリードにも変化はありません',
  },
  en: {
    leads: (of: number) => `Of ${of} ${of === 1 ? 'lead' : 'leads'}: `,
    becomeHot: (n: number) => `${n} would become hot`,
    stopBeingHot: (n: number) => `${n} would stop being hot`,
    warmUp: (n: number) => `${n} would rise from cold to warm`,
    coolDown: (n: number) => `${n} would cool from warm to cold`,
    heldAlerts: (n: number) => `${n} ${n === 1 ? 'alert' : 'alerts'} would be held back`,
    move: (from: string, to: string, n: number) => `${n} would move from ${from} to ${to}`,
    segment: (name: string, enter: number, leave: number) =>
      `${enter} would enter and ${leave} would leave the segment ${name}`,
    score: (up: number, down: number) => `the score would rise for ${up} and fall for ${down}`,
    companies: {
      becomeHot: (n: number) => `${companies(n)} would become hot`,
      stopBeingHot: (n: number) => `${companies(n)} would stop being hot`,
      warmUp: (n: number) => `${companies(n)} would rise from cold to warm`,
      coolDown: (n: number) => `${companies(n)} would cool from warm to cold`,
    },
    nothing: 'nothing would change',
  },
} as const;

/** What would change, in one sentence each; what nobody feels is not said. */
export function effectSentences(
  effect: RulebookEffect,
  [before, after]: readonly [CompiledRulebook, CompiledRulebook],
  locale: Locale,
): string[] {
  const say = sentences[locale];
  const label = (name: string): string =>
    labelOf(after.document, name, locale) ?? labelOf(before.document, name, locale) ?? exits[name]?.[locale] ?? name;
  const counted = (['becomeHot', 'stopBeingHot', 'warmUp', 'coolDown', 'heldAlerts'] as const).flatMap((what) =>
    effect[what] > 0 ? [say[what](effect[what])] : [],
  );
  const ofCompanies = (['becomeHot', 'stopBeingHot', 'warmUp', 'coolDown'] as const).flatMap((what) =>
    effect.companies[what] > 0 ? [say.companies[what](effect.companies[what])] : [],
  );
  const told = [
    ...counted,
    ...effect.stageMoves.map(({ from, to, leads }) => say.move(label(from), label(to), leads)),
    ...effect.segments.map(({ name, enter, leave }) => say.segment(label(name), enter, leave)),
    ...(effect.scoreUp + effect.scoreDown > 0 ? [say.score(effect.scoreUp, effect.scoreDown)] : []),
    ...ofCompanies,
  ];
  return told.length > 0 ? told : [say.nothing];
}

/** The same as one paragraph. */
export function effectSummary(effect: RulebookEffect, sentencesOfIt: readonly string[], locale: Locale): string {
  const { leads } = sentences[locale];
  if (locale === 'ja') return `${leads(effect.leads)}、${sentencesOfIt.join('。')}。`;
  return `${leads(effect.leads)}${sentencesOfIt.join('; ')}.`;
}

/** One lead of the first ones: who, and from where to where. */
export function shiftSentence(
  { before, after }: LeadShift,
  lead: ShownLead | undefined,
  rulebook: CompiledRulebook,
  locale: Locale,
): string {
  const ja = locale === 'ja';
  const who =
    [lead?.company, lead?.displayName ?? lead?.email].filter(Boolean).join(' ') || (ja ? '名前不明' : 'unnamed');
  const points = (tenths: number) => `${tenths / 10}${ja ? '点' : ''}`;
  const parts = [`${ja ? '' : 'score '}${points(before.score)} → ${points(after.score)}`];
  if (before.temperature !== after.temperature)
    parts.push(`${temperatures[before.temperature][locale]} → ${temperatures[after.temperature][locale]}`);
  const label = (name: string | null) =>
    name === null ? '–' : (labelOf(rulebook.document, name, locale) ?? exits[name]?.[locale] ?? name);
  if (before.stage !== after.stage) parts.push(`${label(before.stage)} → ${label(after.stage)}`);
  if (after.hotRules.length > 0 && before.temperature !== 'hot')
    parts.push(after.hotRules.map(label).join(ja ? '・' : ', '));
  return `${who}${ja ? '：' : ': '}${parts.join(ja ? '、' : ', ')}`;
}
