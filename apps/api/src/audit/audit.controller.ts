import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Pool } from '#libs/platform';
import { Allow } from '../access/allow.decorator.js';
import { decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.js';
import { POOL } from '../tokens.js';

const auditQuery = z.object({
  action: z.string().max(100).optional().describe('Only this action, as `lead.erase`, or a group of them, as `lead.`'),
  ...pageQuery,
});
const auditEntry = z
  .object({
    id: z.number(),
    at: z.iso.datetime(),
    actor: z.string().describe('Name and id of the API key, an operator at a terminal, or `system`'),
    action: z.string(),
    target: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEntry' });
const auditPage = pageOf(auditEntry).meta({ id: 'AuditPage' });

@ApiTags('audit')
@Controller('v1/audit')
export class AuditController {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  @Get()
  @Allow()
  @ApiOperation({ summary: 'Every privileged change, newest first: who, what, when' })
  @ApiOkResponse({ standardSchema: auditPage })
  async list(@Query({ schema: auditQuery }) { action, cursor, limit }: z.infer<typeof auditQuery>) {
    const [before] = decodeCursor(cursor, z.tuple([z.int().positive()])) ?? [null];
    const rows = await this.pool.query<{ id: number }>(
      `select id, at, actor, action, target, details from audit_log
       where ($1::bigint is null or id < $1) and ($2::text is null or action = $2 or (right($2, 1) = '.' and starts_with(action, $2)))
       order by id desc limit $3`,
      [before, action ?? null, limit + 1],
    );
    const items = rows.rows.slice(0, limit);
    return { items, nextCursor: rows.rows.length > limit ? encodeCursor([items.at(-1)!.id]) : null };
  }
}
