export * from './alert-content.js';
export * from './alert-layout.js';
export * from './outcome.js';
export { qualificationSchema, type QualificationInput } from './qualification.js';
