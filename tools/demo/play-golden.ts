import { sendSteps } from '../traffic/sender.js';
import { addressIn, cards, deals, exhibition, isWorthAnOpportunity, told } from './golden-story.js';
import type { Stage } from './play.js';

const threeWeeks = 21 * 86_400_000;

interface Counts {
  leads: number;
  opportunities: number;
  customers: number;
}

/** The golden story on the running system: cards through the SDK, judgements and deals through the api. */
export async function playGolden(stage: Stage, run: string): Promise<void> {
  const { api, claims, print } = stage;
  const before = await countsOf(stage);
  const since = async (): Promise<Counts> => {
    const { leads, opportunities, customers } = await countsOf(stage);
    return {
      leads: leads - before.leads,
      opportunities: opportunities - before.opportunities,
      customers: customers - before.customers,
    };
  };
  const check = async (claim: string, expected: Counts) => {
    const seen = await since();
    const holds = JSON.stringify(seen) === JSON.stringify(expected);
    claims.check(claim, holds, `${seen.leads} leads, ${seen.opportunities} opportunities, ${seen.customers} customers`);
  };

  print('\n  Three weeks ago, an exhibition: 40 business cards.');
  const { collectorUrl, writeKey } = stage;
  const sent = await sendSteps(exhibition(Date.now() - threeWeeks, run), { collectorUrl, writeKey });
  await folded(
    stage,
    sent.accepted.map((id) => `${stage.source}/${id}`),
  );
  await check('40 cards are 40 leads', { leads: told.leads, opportunities: 0, customers: 0 });

  print('\n  Sales judges: is the one who decides reached, and is there a budget?');
  const judged: string[] = [];
  for (const { email } of cards) {
    const lead = await api.get<{ profile: Record<string, { value: unknown }> }>(pathOf(run, email));
    if (isWorthAnOpportunity(lead.profile)) judged.push(email);
  }
  const opportunity = { outcome: 'opportunity', likelihood: 40, nextActionDate: new Date().toISOString().slice(0, 10) };
  await folded(stage, await Promise.all(judged.map((email) => say(stage, run, email, opportunity))));
  await check('8 of them are opportunities', { leads: told.leads, opportunities: told.opportunities, customers: 0 });

  print('\n  Two of them sign.');
  const won = { outcome: 'won', value: 2_400_000 };
  await folded(stage, await Promise.all(deals.map((email) => say(stage, run, email, won))));
  await check('2 of the 8 are deals', {
    leads: told.leads,
    opportunities: told.opportunities - told.deals,
    customers: told.deals,
  });
}

const pathOf = (run: string, email: string): string => `/v1/leads/${encodeURIComponent(`e:${addressIn(run, email)}`)}`;

const say = async ({ api }: Stage, run: string, email: string, body: object): Promise<string> =>
  (await api.post<{ eventId: string }>(`${pathOf(run, email)}/outcomes`, body)).eventId;

/** Leads lie on several partitions, so each event is waited for. */
async function folded({ api }: Stage, events: readonly string[]): Promise<void> {
  await Promise.all(events.map((after) => api.get('/v1/funnel', { after })));
}

async function countsOf({ api }: Stage): Promise<Counts> {
  const { stages } = await api.get<{ stages: { stage: string; leads: number }[] }>('/v1/funnel');
  const of = (name: string): number => stages.find(({ stage }) => stage === name)?.leads ?? 0;
  return {
    leads: stages.reduce((total, { leads }) => total + leads, 0),
    opportunities: of('opportunity'),
    customers: of('customer'),
  };
}
