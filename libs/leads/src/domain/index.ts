export * from './attributes.js';
export * from './canonical.js';
export * from './captured.js';
export * from './company-domain.js';
export * from './company-name.js';
export * from './components.js';
export * from './consent.js';
export * from './erased.js';
export * from './event-path.js';
export * from './event-wire.js';
export * from './event.js';
export * from './first-touch.js';
export * from './fold.js';
export * from './hash.js';
export * from './identity.js';
export * from './judgement.js';
export * from './keys.js';
export * from './local-day.js';
export * from './membership.js';
export * from './ownership.js';
export * from './person-name.js';
export * from './position.js';
export * from './predicate.js';
export * from './qualification.js';
export { frameworkLabel, gradeWords, questionLabel } from './condition-qualification.js';
export * from './signal-days.js';
export * from './signal.js';
export * from './state.js';
export * from './text.js';
export * from './timeline.js';
export * from './touched.js';
export { keepWinner } from './merge-states.js';
export {
  conditionDefinition,
  conditionJsonSchema,
  dayWindow,
  gradeOrder,
  bandOrder,
  temperatureOrder,
} from './condition.js';
export type { Band, Condition, Grade, Temperature } from './condition.js';
export { compileCondition } from './condition-compile.js';
export { never } from './condition-facts.js';
export type { Axis, CompiledCondition, ConditionContext, ExplainedLine, Facts, Locale } from './condition-facts.js';
export { daysOf } from './condition-attribute.js';
export { tenths } from './condition-level.js';
export { attributeWords, levelWords, listWords, windowWords } from './condition-words.js';
