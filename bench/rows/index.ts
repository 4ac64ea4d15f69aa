import type { Row } from '../support/row.js';
import { alertLatency } from './alert.js';
import { collectorBatch, collectorSingle } from './collector.js';
import { projectorFold, projectorNewLeads } from './fold.js';
import { idleCost } from './idle.js';
import { memory } from './memory.js';
import { nurtureSend } from './nurture.js';

export const rows: Record<string, Row> = {
  'collector.single': collectorSingle,
  'collector.batch': collectorBatch,
  'projector.fold': projectorFold,
  'projector.newleads': projectorNewLeads,
  'alert.latency': alertLatency,
  'nurture.send': nurtureSend,
  memory,
  'idle.cost': idleCost,
};
