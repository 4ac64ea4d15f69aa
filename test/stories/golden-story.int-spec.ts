import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JsonObject, LeadEvent } from '#libs/leads/domain';
import { driveClock, eventIdOf } from '#libs/platform';
import { publish, saveVersion, shippedRulebook } from '#libs/projection';
import {
  cards,
  deals,
  exhibition,
  isWorthAnOpportunity,
  told,
  worthAnOpportunity,
} from '../../tools/demo/golden-story.js';
import { startApi, type TestApi } from '../../apps/api/test/start-api.js';

const opened = Date.UTC(2026, 9, 7, 1);
const day = 86_400_000;

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ projecting: true });
  const { pool } = api.database;
  await driveClock(pool, new Date(opened + day));
  const rulebook = shippedRulebook();
  const segments = { ...rulebook.segments, 'worth-an-opportunity': worthAnOpportunity };
  await publish(pool, await saveVersion(pool, { ...rulebook, segments }, 'test'), 'test');
});
afterAll(() => api?.stop());

const ref = (email: string) => `/v1/leads/${encodeURIComponent(`e:${email}`)}`;
const get = async (url: string) => (await api.call('GET', url, { key: api.keys.sales })).body;
const say = async (email: string, body: object) => {
  const { status, body: stated } = await api.call('POST', `${ref(email)}/outcomes`, { key: api.keys.sales, body });
  expect(status).toBe(202);
  return stated.eventId as string;
};
/** Leads by stage, once these events are folded: they are on several partitions, so each is waited for. */
async function funnel(after: string[]): Promise<Record<string, number>> {
  for (const event of after) await get(`/v1/funnel?after=${event}`);
  const { stages } = await get('/v1/funnel');
  return Object.fromEntries((stages as { stage: string; leads: number }[]).map(({ stage, leads }) => [stage, leads]));
}

test('40 business cards of an exhibition are 40 leads, each with its channel and campaign', async () => {
  const events = exhibition(opened).map((step, index): LeadEvent => ({
    id: eventIdOf('expo', `card-${index}`),
    type: 'track',
    source: 'expo',
    occurredAt: step.at,
    receivedAt: step.at + 1000,
    anonymousId: step.anonymousId,
    email: cards[index]!.email,
    links: true,
    name: step.name!,
    properties: step.properties as JsonObject,
    context: step.context as JsonObject,
  }));
  await api.state(...events);
  expect(await funnel(events.map((event) => event.id))).toEqual({ lead: told.leads });
  expect((await get(ref(cards[0]!.email))).profile).toMatchObject({
    channel: { value: 'inbound' },
    position: { value: 'director' },
  });
});

test('8 of them are worth an opportunity: the decider is reached and there is a budget', async () => {
  const leads = await Promise.all(cards.map(async ({ email }) => ({ email, lead: await get(ref(email)) })));
  const judged = leads.filter(({ lead }) => isWorthAnOpportunity(lead.profile)).map(({ email }) => email);
  // neither the decider nor the budget alone is enough, and the rulebook's segment names the same leads
  const deciders = leads.filter(({ lead }) => lead.profile.position?.value === 'director').length;
  const budgets = leads.filter(({ lead }) => lead.profile.budget?.value).length;
  expect([deciders, budgets, judged.length]).toEqual([10, 15, told.opportunities]);
  expect(leads.filter(({ lead }) => lead.segments.includes('worth-an-opportunity')).map(({ email }) => email)).toEqual(
    judged,
  );

  await driveClock(api.database.pool, new Date(opened + 3 * day));
  const stated: string[] = [];
  for (const email of judged)
    stated.push(await say(email, { outcome: 'opportunity', likelihood: 40, nextActionDate: '2026-10-20' }));
  expect(await funnel(stated)).toEqual({ lead: told.leads - told.opportunities, opportunity: told.opportunities });
  expect(judged).toEqual(expect.arrayContaining([...deals]));
});

test('2 of the 8 become deals, with their value; a deal that was said twice is one', async () => {
  await driveClock(api.database.pool, new Date(opened + 60 * day));
  const stated: string[] = [];
  for (const email of [...deals, deals[0]!]) stated.push(await say(email, { outcome: 'won', value: 2_400_000 }));
  expect(await funnel(stated)).toEqual({
    lead: told.leads - told.opportunities,
    opportunity: told.opportunities - told.deals,
    customer: told.deals,
  });
  expect((await get(ref(deals[0]!))).profile['opportunity.value'].value).toBe(2_400_000);
});

test('what was ever reached, by the decisions on record, is 40, 8 and 2', async () => {
  const { rows } = await api.database.pool.query<{ stage: string; leads: number }>(
    `select body->>'to' as stage, count(distinct email)::int as leads from event
      where kind = 'decision' and body->>'decision' = 'stage' group by 1`,
  );
  expect(Object.fromEntries(rows.map(({ stage, leads }) => [stage, leads]))).toEqual({
    lead: told.leads,
    opportunity: told.opportunities,
    customer: told.deals,
  });
});

test('before the deals the funnel of a lead can still be explained as it was', async () => {
  const then = await get(`${ref(deals[0]!)}/score?at=${new Date(opened + 10 * day).toISOString()}&knowledge=then`);
  expect(then.stage.name).toBe('opportunity');
  expect((await get(`${ref(deals[0]!)}/score`)).stage.name).toBe('customer');
});
