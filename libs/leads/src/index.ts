export * from './domain/index.js';
export * from './state-fact.js';
