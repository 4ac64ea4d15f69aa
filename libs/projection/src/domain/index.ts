export * from './rulebook-document.js';
export * from './rulebook.js';
export * from './check.js';
export * from './compile.js';
export * from './decide.js';
export * from './look.js';
export { horizonDays, type LeadFacts } from './facts.js';
export * from './explain.js';
export { rulebookJsonSchema } from './json-schema.js';
