import type { JsonObject } from '#libs/leads/domain';

export type Locale = 'ja' | 'en';

/** Everything an alert tells, read at the crossing in the language of the alert. Scores are tenths of a point. */
export interface AlertInput {
  crossing: string;
  lead: number;
  /** When the lead became hot, ms. */
  at: number;
  who: { name?: string; company?: string; position?: string; email?: string };
  /** The rules that hold, by name in words, with their conditions in words. */
  rules: { name: string; conditions: string[] }[];
  score: { total: number; engagement: number; fit: number; grade: string | null };
  /** Largest first; they sum to the total. */
  lines: { label: string; points: number }[];
  /** Newest first. */
  actions: { at: number; label: string }[];
  links: { label: string; url: string }[];
  timeZone: string;
}

/** One alert in one language, ready to be laid out by a channel. Plain text throughout: every channel escapes for itself. */
export interface AlertContent extends JsonObject {
  locale: Locale;
  headline: string;
  /** Why, in one sentence. */
  reason: string;
  who: { label: string; value: string }[];
  score: string;
  scoreLines: string[];
  actions: string[];
  links: { label: string; url: string }[];
  sections: { who: string; score: string; actions: string; links: string };
}

const words = {
  ja: {
    someone: '匿名の見込み客',
    name: '氏名',
    company: '会社',
    position: '役職',
    email: 'メール',
    sections: { who: '見込み客', score: 'スコア', actions: '直近の行動', links: 'リンク' },
    none: 'なし',
  },
  en: {
    someone: 'A lead without a name',
    name: 'Name',
    company: 'Company',
    position: 'Position',
    email: 'Email',
    sections: { who: 'Who', score: 'Score', actions: 'Last actions', links: 'Links' },
    none: 'none',
  },
} as const;

const shownActions = 3;
const shownLines = 12;

export function alertContent(input: AlertInput, locale: Locale): AlertContent {
  const w = words[locale];
  const who = (['name', 'company', 'position', 'email'] as const).flatMap((field) => {
    const value = clip(input.who[field] ?? '');
    return value ? [{ label: w[field] as string, value }] : [];
  });
  return {
    locale,
    headline: headlineOf(input, locale),
    reason: reasonOf(input, locale),
    who,
    score: scoreOf(input, locale),
    scoreLines: scoreLinesOf(input, locale),
    actions: input.actions.slice(0, shownActions).map((a) => `${instant(a.at, input.timeZone)}  ${clip(a.label)}`),
    links: input.links.map((link) => ({ label: link.label, url: link.url })),
    sections: { ...w.sections },
  };
}

function nameOf({ who }: AlertInput, locale: Locale): string {
  const name = clip(who.name || who.email || words[locale].someone);
  const company = clip(who.company ?? '');
  if (locale === 'ja') return company ? `${company} ${name}` : name;
  return company ? `${name} (${company})` : name;
}

function headlineOf(input: AlertInput, locale: Locale): string {
  const name = nameOf(input, locale);
  return locale === 'ja' ? `ホットリード: ${name}` : `Hot lead: ${name}`;
}

/** "Became hot because of five-conditions: asked for material within 14 days, …; and of score-of-70: …" */
function reasonOf(input: AlertInput, locale: Locale): string {
  const conditions = (rule: AlertInput['rules'][number]) => rule.conditions.map(clip);
  if (locale === 'ja') {
    const rules = input.rules.map((rule) => {
      const told = conditions(rule);
      return told.length ? `「${clip(rule.name)}」（${told.join('、')}）` : `「${clip(rule.name)}」`;
    });
    return `${nameOf(input, locale)}さんは、${rules.join('と')}を満たしたためホットになりました。`;
  }
  const rules = input.rules.map((rule) => {
    const told = conditions(rule);
    return told.length ? `${clip(rule.name)} (${told.join(', ')})` : clip(rule.name);
  });
  const last = rules.pop() ?? '';
  return `${nameOf(input, locale)} became hot by ${rules.length ? `${rules.join(', ')} and ` : ''}${last}.`;
}

function scoreOf({ score }: AlertInput, locale: Locale): string {
  const grade = score.grade ?? words[locale].none;
  return locale === 'ja'
    ? `${points(score.total)} 点（行動 ${points(score.engagement)}、属性 ${points(score.fit)}、グレード ${grade}）`
    : `${points(score.total)} (engagement ${points(score.engagement)}, fit ${points(score.fit)}, grade ${grade})`;
}

function scoreLinesOf({ lines }: AlertInput, locale: Locale): string[] {
  const told = lines.slice(0, shownLines).map((line) => `${signed(line.points)}  ${clip(line.label)}`);
  const rest = lines.slice(shownLines);
  if (rest.length) {
    const sum = signed(rest.reduce((total, line) => total + line.points, 0));
    told.push(locale === 'ja' ? `${sum}  ほか ${rest.length} 件` : `${sum}  ${rest.length} more`);
  }
  return told;
}

const points = (tenths: number): string => (tenths / 10).toFixed(1).replace(/\.0$/, '');
const signed = (tenths: number): string => `${tenths < 0 ? '−' : '+'}${points(Math.abs(tenths))}`;

/** Lead-supplied text: one line, bounded. */
const clip = (text: string): string => {
  const line = text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
};

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs more than all the rest of an alert, so a zone's is kept. */
function instant(at: number, timeZone: string): string {
  let clock = clocks.get(timeZone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
    clocks.set(timeZone, clock);
  }
  return clock.format(at);
}
