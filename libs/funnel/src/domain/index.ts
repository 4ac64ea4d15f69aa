export { mergeMoves } from './outcome-moves.js';
export * from './stage-rule.js';
export * from './stages.js';
