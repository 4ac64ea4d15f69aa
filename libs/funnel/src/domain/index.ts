export * from './stage-rule.js';
export * from './stages.js';
