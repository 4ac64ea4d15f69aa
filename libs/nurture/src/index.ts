export { readVocabulary, judgeByRulebook } from './condition-judge.js';
export { ensureDefaultScenarios } from './default-scenarios.command.js';
export { advanceRunJob, jobsOf } from './advance-run.job.js';
export { eraseRuns } from './erase-runs.store.js';
export { createNurture, type Nurture, type NurtureParts } from './nurture.js';
export { nurtureConfig, type NurtureConfig } from './nurture.config.js';
export * from './scenario.command.js';
export * from './scenario.query.js';
export { scenarioJsonSchema } from './scenario-schema.js';
export {
  addressHash,
  liftErasure,
  resubscribe,
  suppress,
  suppressErased,
  suppressIn,
  type Suppress,
  type SuppressionReason,
} from './suppression.store.js';
export * from './template.command.js';
export * from './unsubscribe.command.js';
export { unsubscribePage, unsubscribePageHeaders, type UnsubscribePage } from './unsubscribe.page.js';
export { runsThatWouldMerge, type MergingRun } from './run.store.js';
