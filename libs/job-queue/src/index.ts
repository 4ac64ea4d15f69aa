export * from './port.js';
export { createJobQueue } from './create.js';
export { jobQueueConfig, type JobQueueConfig } from './job-queue.config.js';
export { assertQueueMode, type QueueMode } from './mode.js';
