import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { DiscardRecord } from './discard-record.command.js';
import { quarantinePage, quarantineQuery, replayed, type QuarantineQuery } from './quarantine.dto.js';
import { ListQuarantine } from './quarantine.query.js';
import { ReplayRecord } from './replay-record.command.js';

const rowId = z.coerce.number().int().positive();
const discard = z.strictObject({ reason: z.string().min(1).max(500) });

@ApiTags('quarantine')
@Controller('v1/quarantine')
export class QuarantineController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  @Get()
  @Allow('marketing')
  @ApiOperation({ summary: 'Records that could not be read, newest first, with the reason and their bytes' })
  @ApiOkResponse({ standardSchema: quarantinePage })
  list(@Query({ schema: quarantineQuery }) filter: QuarantineQuery) {
    return this.queries.execute(new ListQuarantine(filter));
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Allow()
  @ApiOperation({ summary: 'Put a record on the log again, as it came' })
  @ApiOkResponse({ standardSchema: replayed })
  replay(@Param('id', { schema: rowId }) id: number, @Actor() actor: string) {
    return this.commands.execute(new ReplayRecord(id, actor));
  }

  @Post(':id/discard')
  @HttpCode(200)
  @Allow()
  @ApiOperation({ summary: 'Mark a record as not wanted; it stays' })
  @ApiOkResponse({ standardSchema: replayed })
  discard(
    @Param('id', { schema: rowId }) id: number,
    @Body({ schema: discard }) body: z.infer<typeof discard>,
    @Actor() actor: string,
  ) {
    return this.commands.execute(new DiscardRecord(id, body.reason, actor));
  }
}
