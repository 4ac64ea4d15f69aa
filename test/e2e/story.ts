import { expect } from '@jest/globals';
import { Analytics } from '@segment/analytics-node';
import { randomUUID } from 'node:crypto';
import { eventIdOf } from '#libs/platform';
import type { Outside, ReceivedAlert } from '../../tools/faults/outside.js';
import { untilQuiet } from '../../tools/faults/quiet.js';
import type { Stage } from '../../tools/faults/stage.js';
import { ApiClient } from '../../tools/demo/api-client.js';
import { until } from '#test/until';

export interface Person {
  email: string;
  browser: string;
}

export const somebody = (name: string): Person => {
  const suffix = randomUUID().slice(0, 8);
  return { email: `${name}.${suffix}@acme.example`, browser: `browser-${name}-${suffix}` };
};

/** A website and a seat in marketing, on a running system. */
export class Site {
  readonly api: ApiClient;

  constructor(readonly stage: Stage) {
    this.api = new ApiClient(stage.system.apiUrl, stage.apiKey);
  }

  /** Sends through the real SDK; resolves with the message ids when all are answered. */
  async visit(act: (analytics: Analytics) => void): Promise<string[]> {
    const analytics = new Analytics({
      writeKey: this.stage.writeKey,
      host: this.stage.system.collectorUrl,
      flushAt: 50,
      flushInterval: 20,
    });
    const failures: unknown[] = [];
    const ids: string[] = [];
    analytics.on('error', (error) => failures.push(error));
    for (const type of ['page', 'track', 'identify'] as const)
      analytics.on(type, (context) => ids.push(context.event.messageId!));
    act(analytics);
    await analytics.closeAndFlush({ timeout: 30_000 });
    if (failures.length) throw new Error(`the SDK gave up: ${JSON.stringify(failures)}`);
    return ids;
  }

  /** Waits until an event is folded; the api knows. */
  async folded(messageId: string): Promise<void> {
    await this.api.get('/v1/funnel', { after: `${this.stage.source}/${messageId}` });
  }

  lead<T>(person: Person, part = ''): Promise<T> {
    return this.api.get<T>(
      `/v1/leads/${encodeURIComponent(`e:${person.email}`)}${part}`,
      part === '/score' ? { locale: 'en' } : {},
    );
  }

  async leadId(person: Person): Promise<number> {
    return (await this.lead<{ id: number }>(person)).id;
  }
}

export const page = (analytics: Analytics, { browser }: Person, path: string): void =>
  analytics.page({ anonymousId: browser, name: path, properties: { path, url: `https://www.acme.example${path}` } });

/** Material and two products: two of the five conditions, from somebody who told his address only. */
export function getsInterested(analytics: Analytics, person: Person): void {
  page(analytics, person, '/products/flow');
  page(analytics, person, '/products/insight');
  const consent = { marketing: true, basis: 'opt-in', wording: 'e2e-1' };
  analytics.track({
    anonymousId: person.browser,
    event: 'Material Requested',
    properties: { email: person.email, material: 'guide', consent },
  });
}

/** The three conditions that were missing, in the request that sales must hear of. */
export function asksForDemo(analytics: Analytics, person: Person): void {
  const answers = {
    lastName: '田中',
    firstName: '美咲',
    company: '株式会社アクメ',
    employees: 310,
    position: '部長',
    introductionBy: '3ヶ月以内',
  };
  analytics.track({
    anonymousId: person.browser,
    event: 'Demo Requested',
    properties: { email: person.email, ...answers },
  });
}

export const alertsOf = (outside: Outside, lead: number): ReceivedAlert[] =>
  outside.alerts.filter((alert) => alert.lead === lead);

export const mailsTo = (outside: Outside, person: Person) =>
  outside.mails.filter((mail) => mail.to.includes(person.email));

/** The newest mail to somebody, and the link in it that ends them. */
export async function unsubscribeLink(outside: Outside, person: Person): Promise<string> {
  const mail = await until('a mail arrives', () => mailsTo(outside, person).at(-1), 30_000);
  const header = /^list-unsubscribe:((?:.|\r\n[ \t])*)/im.exec(mail.raw)?.[1]?.replace(/\r\n[ \t]/g, '') ?? '';
  const link = /<(https?:[^>]+)>/.exec(header)?.[1];
  if (!link) throw new Error(`no unsubscribe link in ${header}`);
  return link;
}

interface Score {
  score: number;
  lines: { points: number }[];
  engagement: { lines: { name: string; points: number }[] };
}

/** From the first page view to the alert, looked at from every side. Returns the milliseconds from the last call to the alert. */
export async function smallStory(site: Site, person: Person): Promise<number> {
  const { stage } = site;
  const early = await site.visit((analytics) => getsInterested(analytics, person));
  await site.folded(early.at(-1)!);
  const sentAt = performance.now();
  const [asked] = await site.visit((analytics) => asksForDemo(analytics, person));
  await site.folded(asked!);
  const lead = await site.leadId(person);
  const alert = await until('the alert arrives', () => alertsOf(stage.outside, lead)[0], 20_000);

  const timeline = await site.lead<{ items: { id: string }[] }>(person, '/timeline');
  const ids = timeline.items.map((item) => item.id);
  for (const messageId of [...early, asked!]) expect(ids).toContain(eventIdOf(stage.source, messageId));
  const explained = await site.lead<Score>(person, '/score');
  expect(explained.engagement.lines.find((line) => line.name === 'requested-demo')?.points).toBe(30);
  expect(explained.lines.reduce((sum, line) => sum + Math.round(line.points * 10), 0)).toBe(
    Math.round(explained.score * 10),
  );

  // asked again: still hot, so nothing is crossed
  const [again] = await site.visit((analytics) => asksForDemo(analytics, person));
  await site.folded(again!);
  expect(await untilQuiet(stage.pool, stage.eventLog, 30_000, () => undefined)).toBeUndefined();
  expect(alertsOf(stage.outside, lead)).toHaveLength(1);
  expect(stage.outside.badSignatures).toEqual([]);
  const { rows } = await stage.pool.query('select channel, state from delivery where crossing = $1 order by channel', [
    alert.crossing,
  ]);
  expect(rows).toEqual(['email', 'slack', 'webhook'].map((channel) => ({ channel, state: 'sent' })));
  await until('the nurture mail arrives', () => mailsTo(stage.outside, person).length === 1, 20_000);
  return alert.at - sentAt;
}
