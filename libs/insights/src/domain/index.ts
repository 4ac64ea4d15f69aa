export { rulebookChanges, type RulebookChange } from './rulebook-words.js';
export { EffectCount, type LeadShift, type RulebookEffect } from './rulebook-effect.js';
export { effectSentences, effectSummary, shiftSentence, type ShownLead } from './effect-words.js';
