import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '#tools/traffic/random';
import type { ProgressLines } from '../services/progress-lines.js';
import type { Findings } from './findings.js';
import type { PlannedEvent } from './plan.js';
import { untilQuiet } from './quiet.js';
import { Recorder } from './recorder.js';
import { sendAll } from './senders.js';
import type { Stage } from './stage.js';

const crossings = 150;
const eventsPerSecond = 50;
const warmUp = 10;

/** From the request that meets the last hot condition to the verified webhook, with 50 events a second around it. */
export async function measureAlertLatency(
  stage: Stage,
  progress: ProgressLines,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const random = new Random(7);
  const run = Date.now().toString(36);
  const emailOf = (nth: number) => `latency${nth}.${run}@faults.example`;
  const prepared = Array.from({ length: crossings }, (_, nth) => preparation(nth, emailOf(nth), random)).flat();
  const send = (items: PlannedEvent[], rate: number, senders: number) =>
    sendAll(items, {
      collectorUrl: stage.system.collectorUrl,
      writeKey: stage.writeKey,
      senders,
      rate: () => rate,
      seed: 7,
      recorder: new Recorder(),
      signal,
    });
  progress.line('latency', `${crossings} leads that lack one condition`);
  await send(prepared, 2_000, 4);
  await untilQuiet(stage.pool, stage.eventLog, 60_000, (text) => progress.line('', text));

  progress.line(
    'latency',
    `${crossings} demo requests, two a second, with ${eventsPerSecond} events a second around them`,
  );
  const around = new AbortController();
  const noise = backgroundTraffic(stage, random, AbortSignal.any([signal, around.signal]));
  const times: number[] = [];
  await sleep(2_000);
  for (let nth = 0; nth < crossings && !signal.aborted; nth++) {
    const startedAt = performance.now();
    void single(stage, 'track', demoRequest(nth, emailOf(nth)));
    const arrived = waitForAlert(stage, emailOf(nth), startedAt);
    times.push(await arrived);
    await sleep(Math.max(0, 500 - (performance.now() - startedAt)));
  }
  around.abort();
  const sent = await noise;
  const measured = times.slice(warmUp).sort((a, b) => a - b);
  const at = (share: number) => measured[Math.min(measured.length - 1, Math.ceil(share * measured.length) - 1)]!;
  const text = `median ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms, worst ${measured.at(-1)!.toFixed(0)} ms`;
  progress.line('latency', `${measured.length} alerts among ${sent} events: ${text}`);
  findings.check('alert latency: median at most 250 ms', at(0.5) <= 250, `${at(0.5).toFixed(0)} ms`);
  findings.check('alert latency: p99 at most 1 s', at(0.99) <= 1_000, `${at(0.99).toFixed(0)} ms`);
}

function preparation(nth: number, email: string, random: Random): PlannedEvent[] {
  const anonymousId = random.id(`browser-${nth}`);
  const made = (rest: Omit<PlannedEvent, 'messageId' | 'anonymousId' | 'ageMs'>): PlannedEvent => ({
    messageId: random.id('m'),
    anonymousId,
    ageMs: 0,
    ...rest,
  });
  return [
    made({ type: 'page', name: 'Flow', properties: { path: '/products/flow' } }),
    made({ type: 'page', name: 'Insight', properties: { path: '/products/insight' } }),
    made({ type: 'track', event: 'Material Requested', properties: { email, material: 'guide' } }),
  ];
}

const demoRequest = (nth: number, email: string) => ({
  anonymousId: `office-${nth}`,
  event: 'Demo Requested',
  properties: { email, employees: 310, position: '部長', introductionBy: '3ヶ月以内', company: `Company ${nth}` },
});

async function waitForAlert(stage: Stage, email: string, startedAt: number): Promise<number> {
  const limitMs = 10_000;
  while (performance.now() - startedAt < limitMs) {
    const found = stage.outside.alerts.find((alert) => alert.email === email);
    if (found) return found.at - startedAt;
    await sleep(5);
  }
  return limitMs;
}

async function backgroundTraffic(stage: Stage, random: Random, signal: AbortSignal): Promise<number> {
  let sent = 0;
  const startedAt = performance.now();
  while (!signal.aborted) {
    const visitor = `visitor-${random.between(1, 500)}`;
    void single(stage, 'page', {
      anonymousId: visitor,
      name: 'Product',
      properties: { path: `/products/${random.between(1, 9)}` },
    });
    sent += 1;
    const early = startedAt + (sent / eventsPerSecond) * 1000 - performance.now();
    if (early > 0) await sleep(early, undefined, { signal }).catch(() => undefined);
  }
  return sent;
}

async function single(stage: Stage, route: 'track' | 'page', body: object): Promise<void> {
  const response = await fetch(`${stage.system.collectorUrl}/v1/${route}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${stage.writeKey}:`).toString('base64')}` },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the collector answered ${response.status}`);
}
