import type { JsonObject } from '#libs/leads/domain';
import { Random } from '#tools/traffic/random';

/** What one lead does in the run is drawn from these; forms carry consent, so that nurture mails go out. */
export interface PlannedEvent {
  messageId: string;
  type: 'page' | 'track' | 'identify' | 'alias' | 'group' | 'screen';
  anonymousId?: string;
  userId?: string;
  previousId?: string;
  event?: string;
  name?: string;
  groupId?: string;
  properties?: JsonObject;
  traits?: JsonObject;
  context?: JsonObject;
  /** Event time, as far before the moment of sending. */
  ageMs: number;
}

export interface Plan {
  /** In the order of sending; a duplicate is the same object once more. */
  items: PlannedEvent[];
  distinct: number;
  duplicates: number;
  outOfOrder: number;
  /** Leads whose answers meet every hot condition but behaviour. */
  idealLeads: number;
}

export interface PlanOptions {
  seed: number;
  leads: number;
  events: number;
  duplicates: number;
  outOfOrder: number;
}

const minute = 60_000;
const positions = ['部長', 'マネージャー', '主任', 'Director of Marketing', '一般社員', '課長'];
const timings = ['3ヶ月以内', '1ヶ月以内', '1年以内', 'within 3 months'];

export function makePlan(options: PlanOptions): Plan {
  const random = new Random(options.seed);
  const rankOf = zipf(options.leads, random);
  const items: PlannedEvent[] = [];
  const seen = new Map<number, number>();
  let duplicates = 0;
  let outOfOrder = 0;
  // duplicates come on top: `events` is the number of different ids
  while (items.length - duplicates < options.events) {
    if (items.length > 0 && random.chance(options.duplicates / (1 + options.duplicates))) {
      const back = random.chance(0.2)
        ? random.between(1, items.length)
        : random.between(1, Math.min(items.length, 300));
      items.push(items[items.length - back]!);
      duplicates += 1;
      continue;
    }
    const lead = rankOf();
    const nth = seen.get(lead) ?? 0;
    seen.set(lead, nth + 1);
    const late = random.chance(options.outOfOrder);
    if (late) outOfOrder += 1;
    items.push({
      ...act(random, lead, nth, options.leads),
      messageId: random.id(`m${items.length}`),
      ageMs: late ? lateness(random) : 0,
    });
  }
  const idealLeads = Array.from({ length: options.leads }, (_, lead) => lead).filter(isIdeal).length;
  return { items, distinct: options.events, duplicates, outOfOrder, idealLeads };
}

/** Mostly minutes; some lie days back, so that quiet causes and late days are met. */
const lateness = (random: Random): number =>
  random.chance(0.1) ? random.between(60, 12 * 24 * 60) * minute : random.between(1, 50 * 60) * 1_000;

const isIdeal = (lead: number): boolean => lead % 3 === 0;
const emailOf = (lead: number): string => `lead${lead}@faults.example`;
const userOf = (lead: number): string | undefined => (lead % 2 === 0 ? `user-${lead}` : undefined);

/** The lead's own browser, its second one, or, rarely, one that neighbours share. */
function browser(random: Random, lead: number): string {
  if (random.chance(0.02)) return `shared-${lead >> 2}`;
  return random.chance(0.15) ? `browser-${lead}-b` : `browser-${lead}`;
}

type Act = Omit<PlannedEvent, 'messageId' | 'ageMs'>;

function act(random: Random, lead: number, nth: number, leads: number): Act {
  const anonymousId = browser(random, lead);
  const userId = userOf(lead);
  const known = userId !== undefined && random.chance(0.3) ? { userId } : {};
  const who = { anonymousId, ...known, context: { locale: 'ja-JP', page: { url: 'https://www.faults.example/' } } };
  // somebody's second or third event says who he is, else few leads would ever be more than a visitor
  if (nth === 1 || nth === 2) return form(random, lead, 'Material Requested', anonymousId);
  return random.weighted<() => Act>([
    [() => ({ ...who, type: 'page', name: 'Product', properties: page(`/products/${random.between(1, 6)}`) }), 48],
    [() => ({ ...who, type: 'page', name: 'Pricing', properties: page('/pricing') }), 12],
    [() => ({ ...who, type: 'page', name: 'Case', properties: page(`/cases/${random.between(1, 4)}`) }), 8],
    [() => ({ ...who, type: 'page', name: 'Blog', properties: page(`/blog/${random.between(1, 30)}`) }), 10],
    [() => form(random, lead, 'Material Requested', anonymousId), 7],
    [() => form(random, lead, 'Demo Requested', anonymousId), 3],
    [() => form(random, lead, 'Newsletter Signed Up', anonymousId), 2],
    [
      () => ({
        type: 'identify',
        anonymousId,
        userId: userId ?? `user-${lead}`,
        traits: { ...answers(random, lead), email: emailOf(lead) },
      }),
      4,
    ],
    [
      () => ({
        ...who,
        type: 'track',
        event: 'Video Watched',
        properties: { seconds: random.between(1, 600), plan: random.pick(['a', 'b']) },
      }),
      3,
    ],
    [() => ({ ...who, type: 'screen', name: 'App Home', properties: {} }), 1.5],
    [
      () => ({
        anonymousId,
        ...known,
        type: 'group',
        groupId: `company-${lead % 97}`,
        traits: { name: `Company ${lead % 97}` },
      }),
      1,
    ],
    [
      () => ({ type: 'alias', userId: `user-${lead}`, previousId: random.chance(0.5) ? anonymousId : `old-${lead}` }),
      0.4,
    ],
    // an address that two people use: strong keys of two leads joined
    [
      () => ({
        type: 'identify',
        anonymousId,
        userId: `user-${lead}`,
        traits: { email: emailOf(random.chance(0.5) ? lead : (lead + 1) % leads) },
      }),
      0.1,
    ],
  ])();
}

const page = (path: string): JsonObject => ({ path, url: `https://www.faults.example${path}`, title: path });

function answers(random: Random, lead: number): JsonObject {
  const ideal = isIdeal(lead);
  return {
    company: `Company ${lead % 97}`,
    employees: ideal ? 100 + (lead % 900) : 5 + (lead % 90),
    position: ideal ? positions[lead % 2]! : random.pick(positions),
    introductionBy: ideal ? timings[0]! : random.pick(timings),
    lastName: `姓${lead}`,
    firstName: '太郎',
  };
}

function form(random: Random, lead: number, event: string, anonymousId: string): Act {
  const agrees = lead % 5 !== 4;
  return {
    type: 'track',
    event,
    anonymousId,
    properties: {
      ...answers(random, lead),
      email: emailOf(lead),
      material: `paper-${random.between(1, 5)}`,
      ...(agrees ? { consent: { marketing: true, basis: 'opt-in', wording: 'faults-1' } } : {}),
    },
  };
}

/** Ranks 0 … n-1 with probability proportional to 1 / (rank + 1). */
function zipf(n: number, random: Random): () => number {
  const cumulative: number[] = [];
  let total = 0;
  for (let rank = 0; rank < n; rank++) cumulative.push((total += 1 / (rank + 1)));
  return () => {
    const target = random.next() * total;
    const found = cumulative.findIndex((sum) => sum > target);
    return found < 0 ? n - 1 : found;
  };
}
