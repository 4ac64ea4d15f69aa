import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allow } from '../access/allow.decorator.js';
import { CountFunnel, funnelCounts } from './funnel.query.js';

@ApiTags('funnel')
@Controller('v1/funnel')
export class FunnelController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Leads per stage and temperature, now' })
  @ApiOkResponse({ standardSchema: funnelCounts })
  counts() {
    return this.queries.execute(new CountFunnel());
  }
}
