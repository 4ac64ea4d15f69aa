import { Analytics } from '@segment/analytics-node';
import type { Step } from './journeys.js';

export interface SendOptions {
  collectorUrl: string;
  writeKey: string;
  /** Events a second; unlimited when absent. */
  rate?: number;
  onProgress?: (sent: number) => void;
}

export interface Sent {
  /** messageIds the collector answered with success, in the order they were sent. */
  accepted: string[];
  failed: { messageId: string | undefined; reason: string }[];
}

/** Sends steps through the real Segment SDK, each with its original time, and waits until every answer is known. */
export async function sendSteps(steps: Step[], options: SendOptions): Promise<Sent> {
  const analytics = new Analytics({
    writeKey: options.writeKey,
    host: options.collectorUrl,
    flushAt: 20,
    flushInterval: 200,
    maxRetries: 5,
  });
  const failed: Sent['failed'] = [];
  analytics.on('error', (error) =>
    failed.push({ messageId: undefined, reason: String((error as { reason?: unknown }).reason ?? error.code) }),
  );
  const accepted: string[] = [];
  const started = performance.now();
  for (const [index, step] of steps.entries()) {
    if (options.rate) await until(started + (index * 1000) / options.rate);
    call(analytics, step, (error, messageId) => {
      if (error) failed.push({ messageId, reason: String(error) });
      else if (messageId) accepted.push(messageId);
      options.onProgress?.(accepted.length);
    });
    // the SDK buffers without bound: give its flushes a turn
    if (index % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await analytics.closeAndFlush({ timeout: 60_000 });
  return { accepted, failed };
}

type Done = (error: unknown, messageId: string | undefined) => void;

function call(analytics: Analytics, step: Step, done: Done): void {
  const shared = {
    anonymousId: step.anonymousId,
    ...(step.userId ? { userId: step.userId } : {}),
    timestamp: new Date(step.at),
    context: step.context,
  };
  const answer = (error: unknown, context?: { event: { messageId?: string } }) => done(error, context?.event.messageId);
  if (step.call === 'page') analytics.page({ ...shared, name: step.name, properties: step.properties }, answer);
  else if (step.call === 'track')
    analytics.track({ ...shared, event: step.name!, properties: step.properties }, answer);
  else analytics.identify({ ...shared, traits: step.traits }, answer);
}

const until = (at: number) => {
  const waitMs = at - performance.now();
  return waitMs > 1 ? new Promise((resolve) => setTimeout(resolve, waitMs)) : undefined;
};
