export { rulebookChanges, type RulebookChange } from './rulebook-words.js';
export { EffectCount, type LeadShift, type RulebookEffect } from './rulebook-effect.js';
