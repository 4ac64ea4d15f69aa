import pc from 'picocolors';
import type { ProgressLines } from '../services/progress-lines.js';
import { planTraffic } from '../traffic/journeys.js';
import { sendSteps } from '../traffic/sender.js';
import type { AlertSink, ReceivedAlert } from './alert-sink.js';
import type { ApiClient } from './api-client.js';
import { hero, scenes } from './cast.js';
import type { Claims } from './checks.js';

export interface Stage {
  api: ApiClient;
  collectorUrl: string;
  apiKey: string;
  writeKey: string;
  source: string;
  sink: AlertSink;
  claims: Claims;
  progress: ProgressLines;
  print: (text: string) => void;
}

export interface PlayOptions {
  seed: number;
  visitors: number;
  weeks: number;
  rate?: number;
}

/** Weeks of visitors, with their original times, through the SDK. Returns how many events were accepted. */
export async function playHistory(stage: Stage, options: PlayOptions, now: number): Promise<number> {
  const visitors = planTraffic({ ...options, until: now - 26 * 3_600_000 });
  const steps = visitors.flatMap((visitor) => visitor.steps).sort((a, b) => a.at - b.at);
  const known = visitors.filter((visitor) => visitor.person).length;
  stage.progress.line(
    'traffic',
    `${visitors.length} visitors (${known} of them will say who they are), ${steps.length} events over ${options.weeks} weeks`,
  );
  let shown = 0;
  const sent = await sendSteps(steps, {
    collectorUrl: stage.collectorUrl,
    writeKey: stage.writeKey,
    ...(options.rate ? { rate: options.rate } : {}),
    onProgress: (count) => {
      if (count - shown < steps.length / 5) return;
      shown = count;
      stage.progress.line('', `${count} of ${steps.length} acknowledged by the log`);
    },
  });
  stage.claims.check(
    'every event was acknowledged',
    sent.failed.length === 0 && sent.accepted.length === steps.length,
    `${sent.accepted.length} of ${steps.length}`,
  );
  await folded(stage, sent.accepted.at(-1)!);
  return sent.accepted.length;
}

export interface LiveResult {
  email: string;
  messageIds: string[];
  alert: ReceivedAlert;
  /** From the SDK's call of the last step to the verified webhook. */
  alertMs: number;
}

/** One visitor, live, step by step, until the alert. */
export async function playLive(stage: Stage, run: string): Promise<LiveResult> {
  const person = hero(run);
  const messageIds: string[] = [];
  let lastAt = 0;
  for (const scene of scenes(person, `browser-live-${run}`)) {
    stage.print(`\n  ${pc.bold('▸')} ${scene.told}`);
    lastAt = performance.now();
    const sent = await sendSteps(scene.steps(Date.now()), {
      collectorUrl: stage.collectorUrl,
      writeKey: stage.writeKey,
    });
    if (sent.failed.length) throw new Error(`The collector refused: ${sent.failed[0]!.reason}`);
    messageIds.push(...sent.accepted);
    await folded(stage, sent.accepted.at(-1)!);
    await showStanding(stage, person.email);
  }
  const alert = await stage.sink.waitFor(({ body }) => JSON.stringify(body).includes(person.email), 15_000);
  return { email: person.email, messageIds, alert, alertMs: alert.at - lastAt };
}

interface Standing {
  score: number;
  engagement: number;
  fit: number;
  temperature: string;
  stage: string | null;
}

async function showStanding(stage: Stage, email: string): Promise<void> {
  const lead = await stage.api.get<Standing>(`/v1/leads/${encodeURIComponent(`e:${email}`)}`).catch(() => undefined);
  const seen = lead
    ? `score ${lead.score} (engagement ${lead.engagement}, fit ${lead.fit}), ${lead.temperature}, stage ${lead.stage ?? 'none'}`
    : 'a visitor without a name';
  stage.print(`    ${pc.dim(seen)}`);
}

/** The api answers once this event is folded. */
const folded = (stage: Stage, messageId: string) =>
  stage.api.get('/v1/funnel', { after: `${stage.source}/${messageId}` });
