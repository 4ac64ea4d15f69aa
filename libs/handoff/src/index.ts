export * from './alert.query.js';
export { alertContent, type AlertContent, type AlertInput, type Locale } from './domain/index.js';
export * from './alert.reactor.js';
export * from './handoff.config.js';
export { RecordOutcome, RecordOutcomeHandler } from './record-outcome.command.js';
