export * from './domain/index.js';
export * from './rulebook.store.js';
export { BatchProjection, type Applied } from './batch/batch.projection.js';
export { ProjectionContext, defaultSettings, type ProjectionSettings, type Rulebook } from './projection-context.js';
export { createProjectionPool } from './projection-pool.js';
export { prepareOffset, stopPartition } from './store/offset.store.js';
export { presentKeys } from './upkeep/present-keys.query.js';
export { sweepJudgements } from './upkeep/sweep.projection.js';
