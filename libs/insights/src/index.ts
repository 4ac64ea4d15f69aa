export * from './compare-rulebooks.query.js';
export type { LeadShift, RulebookChange, RulebookEffect } from './domain/index.js';
