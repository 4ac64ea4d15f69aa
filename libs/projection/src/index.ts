export * from './domain/index.js';
export * from './rulebook.store.js';
export { BatchProjection, type Applied } from './batch/batch.projection.js';
export { ProjectionContext, defaultSettings, type ProjectionSettings, type Rulebook } from './projection-context.js';
export { createProjectionPool } from './projection-pool.js';
export { prepareOffset, stopPartition } from './store/offset.store.js';
export { presentKeys } from './upkeep/present-keys.query.js';
export { repeating, sweepJudgements } from './upkeep/sweep.projection.js';
export { projectionConfig, type ProjectionConfig } from './projection.config.js';
export { recordZone } from './upkeep/record-zone.command.js';
export { partitionHandlers } from './partitions.projection.js';
export { acceptLoss } from './upkeep/accept-loss.command.js';
export { Upkeep } from './upkeep/upkeep.projection.js';
export {
  readLead,
  readLeads,
  readLookNow,
  rulebookFor,
  type LeadRead,
  type LeadRef,
  type LookedAt,
} from './read/lead.query.js';
export { listHeldMoves, type HeldMovesAsked, type WaitingMove } from './read/held-moves.query.js';
export { readTimeline, waitForEvent, type TimelineCursor, type TimelineEvent } from './read/timeline.query.js';
export { readLastActions } from './read/last-actions.query.js';
export { listLeads, type LeadListCursor, type LeadListQuery, type ListedLead } from './read/lead-list.query.js';
export {
  rebuild,
  abandonRebuild,
  forgetInRebuild,
  type RebuildOptions,
  type RebuildProgress,
  type RebuildReport,
} from './rebuild/rebuild.command.js';
export { rebuildStatus, type RebuildStatus } from './rebuild/rebuild-status.query.js';
export type { AccountDifference } from './upkeep/verify-accounts.query.js';
export { verify, type Difference, type VerifyOptions, type VerifyReport } from './upkeep/verify.query.js';
export { preview, type Preview, type PreviewedLead } from './upkeep/preview.query.js';
export { readJudging } from './read/stating-events.query.js';
export { readIdentity, type IdentityGraph, type IdentityOfEvent } from './read/identity.query.js';
export {
  countSkippedLinks,
  listAparts,
  listSkippedLinks,
  type ApartPair,
  type SkippedLinkRow,
} from './read/identity-lists.query.js';
export { reviewDue, reviewOlderRulebook } from './upkeep/review.projection.js';
export { refoldOnePending } from './upkeep/refold-pending.projection.js';
export { explainAt, type ExplainedAt, type PastLead } from './read/explain-at.query.js';
export type { Knowledge, Moment } from './read/past-events.query.js';
export { readErased } from './batch/erased-keys.js';
export { readPerson, type OwnedPart, type Person } from './erasure/person.query.js';
export { removeFacts, removeMentions, type RemovedFact } from './erasure/remove-facts.command.js';
export { forgetLeads, lockOutBatches, type Forgotten, type Touched } from './erasure/forget-leads.command.js';
export { readMembersTimeline, type MemberEvent } from './read/account-timeline.query.js';
export { readCompanies } from './read/company.query.js';
export { reviewAccounts } from './upkeep/review-accounts.projection.js';
export {
  listAccounts,
  memberIds,
  readAccount,
  readAccountRow,
  type AccountCursor,
  type AccountLead,
  type AccountListQuery,
  type AccountRead,
  type ListedAccount,
} from './read/account.query.js';
export { exportLines, type ExportCounts } from './transfer/export.query.js';
export { importLines } from './transfer/import.command.js';
