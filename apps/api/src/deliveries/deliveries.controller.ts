import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Allow } from '../access/allow.decorator.js';
import { deliveriesPage, deliveriesQuery, delivery, type DeliveriesQuery } from './deliveries.dto.js';
import { ListDeliveries, ReadDelivery } from './deliveries.query.js';

@ApiTags('deliveries')
@Controller('v1/deliveries')
export class DeliveriesController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Messages with their state and reason, newest first' })
  @ApiOkResponse({ standardSchema: deliveriesPage })
  list(@Query({ schema: deliveriesQuery }) filter: DeliveriesQuery) {
    return this.queries.execute(new ListDeliveries(filter));
  }

  @Get(':id')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'One message' })
  @ApiOkResponse({ standardSchema: delivery })
  read(@Param('id', { schema: z.uuid() }) id: string) {
    return this.queries.execute(new ReadDelivery(id));
  }
}
