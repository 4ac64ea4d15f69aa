export * from './nodes.js';
export * from './stage-readers.js';
