import { attributeWords, type Locale } from '#libs/leads/domain';
import { settingsOf } from './setting-words.js';
import { labelOf, type CompiledRulebook, type NamedCondition } from '#libs/projection/domain';

/** One difference between two rulebooks, as a marketer would say it. */
export interface RulebookChange {
  /** In the newer document, or in the older one for what was removed. */
  path: string;
  kind: 'added' | 'removed' | 'changed';
  text: string;
}

interface Entry {
  path: string;
  title: string;
  /** Everything that can change about it, by name. */
  facts: Record<string, string>;
}

const words = {
  ja: {
    added: '追加',
    removed: '削除',
    none: 'なし',
    points: '点',
    engagement: '行動',
    fit: '属性',
    hot: 'ホット条件',
    stage: 'ステージ',
    segment: 'セグメント',
    signal: 'シグナル',
    group: 'グループ',
    grades: 'グレード',
    score: '総合スコア',
    warm: 'ウォーム条件',
    rearm: '再アラート条件',
    account: '会社',
    engaged: '関心を示したリード',
    role: '役割',
    reached: '決裁者に接触',
  },
  en: {
    added: 'added',
    removed: 'removed',
    none: 'none',
    points: 'points',
    engagement: 'behaviour',
    fit: 'attributes',
    hot: 'hot rule',
    stage: 'stage',
    segment: 'segment',
    signal: 'signal',
    group: 'group',
    grades: 'grades',
    score: 'score',
    warm: 'warm',
    rearm: 're-arm',
    account: 'company',
    engaged: 'engaged',
    role: 'role',
    reached: 'decision maker reached',
  },
} as const;

/** What differs, section by section, in the order of the document. */
export function rulebookChanges(before: CompiledRulebook, after: CompiledRulebook, locale: Locale): RulebookChange[] {
  const old = new Map(entriesOf(before, locale).map((entry) => [entry.path, entry]));
  const changes: RulebookChange[] = [];
  for (const entry of entriesOf(after, locale)) {
    const was = old.get(entry.path);
    old.delete(entry.path);
    if (!was) changes.push({ path: entry.path, kind: 'added', text: told(entry, words[locale].added) });
    else {
      const text = differences(was, entry, locale);
      if (text) changes.push({ path: entry.path, kind: 'changed', text: `${entry.title}: ${text}` });
    }
  }
  for (const entry of old.values())
    changes.push({ path: entry.path, kind: 'removed', text: `${entry.title}: ${words[locale].removed}` });
  return changes;
}

const told = (entry: Entry, verb: string): string => {
  const facts = Object.entries(entry.facts).map(([name, value]) => (name === '' ? value : `${name} ${value}`));
  return `${entry.title}: ${verb}${facts.length ? ` (${facts.join(', ')})` : ''}`;
};

function differences(before: Entry, after: Entry, locale: Locale): string {
  const names = [...new Set([...Object.keys(before.facts), ...Object.keys(after.facts)])];
  const none = words[locale].none;
  return names
    .filter((name) => before.facts[name] !== after.facts[name])
    .map((name) => `${name}${name ? ' ' : ''}${before.facts[name] ?? none} → ${after.facts[name] ?? none}`)
    .join(locale === 'ja' ? '、' : ', ');
}

function entriesOf(rulebook: CompiledRulebook, locale: Locale): Entry[] {
  const { document } = rulebook;
  const w = words[locale];
  const label = (name: string) => labelOf(document, name, locale) ?? name;
  const condition = (section: string, word: string, { name, when }: NamedCondition): Entry => ({
    path: `${section}.${name}`,
    title: `${word} ${label(name)}`,
    facts: { '': when.describe(locale) },
  });
  return [
    ...Object.entries(document.signals).map(([name, definition]) => ({
      path: `signals.${name}`,
      title: `${w.signal} ${label(name)}`,
      facts: { '': JSON.stringify(definition) },
    })),
    ...numbered(document.engagement, (rule) => rule.signal).map(([key, { signal, ...rule }]) => ({
      path: `engagement.${key}`,
      title: `${w.engagement} ${label(signal)}`,
      facts: settingsOf(rule, locale),
    })),
    ...Object.entries(document.groups ?? {}).map(([name, group]) => ({
      path: `groups.${name}`,
      title: `${w.group} ${name}`,
      facts: settingsOf(group, locale),
    })),
    ...numbered(rulebook.fit.rules, ({ when }) => when.describe(locale)).map(([key, { points }]) => ({
      path: `fit.${key}`,
      title: `${w.fit} ${key}`,
      facts: { [w.points]: String(points / 10) },
    })),
    { path: 'grades', title: w.grades, facts: settingsOf(document.grades, locale) },
    {
      path: 'score',
      title: w.score,
      facts: settingsOf({ ...document.score, ...document.score.bands, bands: undefined }, locale),
    },
    { path: 'warm', title: w.warm, facts: { '': rulebook.warm.describe(locale) } },
    ...(rulebook.rearm ? [{ path: 'rearm', title: w.rearm, facts: { '': rulebook.rearm.describe(locale) } }] : []),
    ...rulebook.hot.map((rule) => condition('hot', w.hot, rule)),
    ...rulebook.funnel.stages.map((stage, index) => ({
      path: `stages.${stage.name}`,
      title: `${w.stage} ${label(stage.name)}`,
      facts: {
        '': stage.when?.describe(locale) ?? w.none,
        '#': String(index + 1),
        ...settingsOf(
          {
            phase: stage.rule.phase,
            outcomes: stage.rule.outcomes?.join(', '),
            skippable: stage.rule.skippable,
            requires: stage.rule.requires
              ?.map((attribute) => attributeWords(attribute, locale))
              .join(locale === 'ja' ? '・' : ', '),
            approver: stage.rule.approver,
          },
          locale,
        ),
      },
    })),
    ...rulebook.segments.map((segment) => condition('segments', w.segment, segment)),
    ...accountEntries(rulebook, locale),
  ];
}

function accountEntries({ account, document }: CompiledRulebook, locale: Locale): Entry[] {
  const w = words[locale];
  const entry = (path: string, words: string, facts: Entry['facts']): Entry => ({
    path: `account.${path}`,
    title: `${w.account} ${words}`,
    facts,
  });
  const label = (name: string) => labelOf(document, name, locale) ?? name;
  const { engagement, domains } = document.account ?? {};
  const weights = Object.entries(engagement?.weights ?? {}).map(([role, weight]) => [label(role), String(weight)]);
  return [
    entry('engagement', w.engagement, {
      ...settingsOf({ perMember: engagement?.perMember, cap: engagement?.cap }, locale),
      ...(Object.fromEntries(weights) as Entry['facts']),
    }),
    entry('domains', 'domains', settingsOf(domains ?? {}, locale)),
    entry('engaged', w.engaged, { '': account.engaged.describe(locale) }),
    ...account.roles.map(({ name, when }) =>
      entry(`roles.${name}`, `${w.role} ${label(name)}`, { '': when.describe(locale) }),
    ),
    entry('reached', w.reached, {
      '': account.reached?.describe(locale) ?? w.none,
      '#': account.decisionMaker ?? w.none,
    }),
    entry('warm', w.warm, { '': account.warm.describe(locale) }),
    ...account.hot.map(({ name, when }) =>
      entry(`hot.${name}`, `${w.hot} ${label(name)}`, { '': when.describe(locale) }),
    ),
  ];
}

/** Two rules of one key are told apart by their order. */
function numbered<T>(rules: readonly T[], keyOf: (rule: T) => string): [string, T][] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    const key = keyOf(rule);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return [count === 1 ? key : `${key} (${count})`, rule];
  });
}
