export * from './alert.query.js';
export { alertContent, type AlertContent, type AlertInput, type Locale } from './domain/index.js';
export * from './alert.reactor.js';
export * from './handoff.config.js';
export { RecordOutcome, RecordOutcomeHandler } from './record-outcome.command.js';
export * from './held-alerts.query.js';
export { ReleaseHeldAlerts, ReleaseHeldAlertsHandler, type ReleasedAlerts } from './release-held-alerts.command.js';
export { JudgeMove, JudgeMoveHandler, type MoveVerdict } from './judge-move.command.js';
export { AnswerQuestions, AnswerQuestionsHandler } from './answer-questions.command.js';
