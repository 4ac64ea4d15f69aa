import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Pool } from '#libs/platform';
import { Allow } from '../access/allow.decorator.js';
import { afterQuery, waitForAfter, type AfterQuery } from '../http/after.js';
import { POOL } from '../tokens.js';
import { CountFunnel, funnelCounts } from './funnel.query.js';

@ApiTags('funnel')
@Controller('v1/funnel')
export class FunnelController {
  constructor(
    private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Leads per stage and temperature, now' })
  @ApiOkResponse({ standardSchema: funnelCounts })
  async counts(@Query({ schema: afterQuery }) { after }: AfterQuery) {
    await waitForAfter(this.pool, after);
    return this.queries.execute(new CountFunnel());
  }
}
