import { z } from 'zod';
import { pageOf, pageQuery } from '../http/paging.js';

export const quarantineStatus = z
  .enum(['waiting', 'replayed', 'discarded', 'erased'])
  .describe('`erased`: it held a person who was erased; its content is gone');

export const quarantineQuery = z.object({ status: quarantineStatus.default('waiting'), ...pageQuery });
export type QuarantineQuery = z.infer<typeof quarantineQuery>;

export const quarantinedRecord = z
  .object({
    id: z.number(),
    topic: z.string(),
    partition: z.number(),
    position: z.number(),
    code: z.string(),
    detail: z.string(),
    headers: z.record(z.string(), z.string()),
    valueBase64: z.string().nullable().describe('The record’s bytes as they came, at most 64 KiB of them'),
    status: quarantineStatus,
    quarantinedAt: z.iso.datetime(),
  })
  .meta({ id: 'QuarantinedRecord' });
export const quarantinePage = pageOf(quarantinedRecord).meta({ id: 'QuarantinePage' });

export const replayed = z
  .object({ id: z.number(), status: quarantineStatus, acknowledged: z.boolean() })
  .meta({ id: 'QuarantineChange' });
