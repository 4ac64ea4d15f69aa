export * from './action-label.js';
export * from './alert-content.js';
export * from './alert-layout.js';
export * from './outcome.js';
