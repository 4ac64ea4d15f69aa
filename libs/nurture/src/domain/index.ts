export * from './advance.js';
export * from './business-time.js';
export * from './check-scenario.js';
export * from './scenario.js';
export * from './template.js';
export * from './verdict.js';
