import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setStage, type Stage } from '../../tools/faults/stage.js';
import { progressLines } from '../../tools/services/progress-lines.js';
import { Site, smallStory, somebody } from './story.js';

let stage: Stage;

beforeAll(async () => {
  stage = await setStage({ set: 'e2e', embedded: true, progress: progressLines(() => undefined) });
}, 120_000);
afterAll(() => stage?.stop(), 60_000);

test('the same story with Node alone: no Kafka, no Redis', async () => {
  expect(stage.system.services).toMatchObject({ mode: { eventLog: 'postgres', jobQueue: 'postgres' } });
  expect(stage.system.services.kafkaBrokers ?? stage.system.services.redisUrl).toBeUndefined();
  await smallStory(new Site(stage), somebody('tanaka'));
}, 90_000);
