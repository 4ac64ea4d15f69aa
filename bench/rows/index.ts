import type { Row } from '../support/row.js';
import { alertLatency } from './alert.js';
import { alertBurst } from './burst.js';
import { collectorBatch, collectorSingle } from './collector.js';
import { crash } from './crash.js';
import { projectorFold, projectorHot, projectorNewLeads } from './fold.js';
import { growth } from './growth.js';
import { idleCost } from './idle.js';
import { longLead } from './long-lead.js';
import { memory } from './memory.js';
import { nurtureSend } from './nurture.js';
import { readScore } from './read.js';
import { review } from './review.js';
import { compareDraft, publishPoints } from './rulebook.js';
import { rebuildAll, verifyLive } from './rebuild.js';

/** `memory` judges the peaks of the rows before it. */
export const rows: Record<string, Row> = {
  'collector.single': collectorSingle,
  'collector.batch': collectorBatch,
  'projector.fold': projectorFold,
  'projector.hot': projectorHot,
  'projector.newleads': projectorNewLeads,
  'alert.latency': alertLatency,
  'alert.burst': alertBurst,
  'nurture.send': nurtureSend,
  'read.score': readScore,
  growth,
  publish: publishPoints,
  review,
  compare: compareDraft,
  'long-lead': longLead,
  'rebuild.all': rebuildAll,
  'verify.live': verifyLive,
  memory,
  'idle.cost': idleCost,
  crash,
};
