import type { Row } from '../support/row.js';
import { collectorBatch, collectorSingle } from './collector.js';

export const rows: Record<string, Row> = {
  'collector.single': collectorSingle,
  'collector.batch': collectorBatch,
};
