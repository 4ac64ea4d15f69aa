import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { afterQuery, type AfterQuery } from '../http/after.js';
import { leadRef } from '../leads/lead-ref.js';
import {
  apartPage,
  identityGraph,
  identityListQuery,
  skippedLinkPage,
  type IdentityListQuery,
} from './identity-graph.dto.js';
import {
  apartRequest,
  liftRequest,
  mergeRequest,
  retractionRequest,
  statedFacts,
  unmergeRequest,
  type ApartRequest,
  type LiftRequest,
  type MergeRequest,
  type RetractionRequest,
  type UnmergeRequest,
} from './identity.dto.js';
import { ListAparts, ListSkippedLinks, ReadIdentity } from './identity.query.js';
import { JudgeIdentity } from './judge-identity.command.js';

const eventId = { schema: z.uuid() };

@ApiTags('identity')
@Controller('v1')
export class IdentityController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get('leads/:lead/identity')
  @Allow('sales', 'marketing')
  @ApiOperation({
    summary: 'What makes this lead one person: every link, by which event, and what does not hold and why',
  })
  @ApiOkResponse({ standardSchema: identityGraph })
  identity(@Param('lead', { schema: leadRef }) ref: string, @Query({ schema: afterQuery }) { after }: AfterQuery) {
    return this.queries.execute(new ReadIdentity(ref, after));
  }

  @Post('merges')
  @HttpCode(202)
  @Allow('marketing')
  @ApiOperation({ summary: 'Say that two keys are one person' })
  @ApiAcceptedResponse({ standardSchema: statedFacts })
  merge(@Body({ schema: mergeRequest }) body: MergeRequest, @Actor() actor: string) {
    return this.commands.execute(new JudgeIdentity({ kind: 'merge', ...body }, actor));
  }

  @Post('unmerges')
  @HttpCode(202)
  @Allow('marketing')
  @ApiOperation({ summary: 'Withdraw what joined two people, and hold them apart if asked' })
  @ApiAcceptedResponse({ standardSchema: statedFacts })
  unmerge(@Body({ schema: unmergeRequest }) body: UnmergeRequest, @Actor() actor: string) {
    return this.commands.execute(new JudgeIdentity({ kind: 'unmerge', ...body }, actor));
  }

  @Post('retractions')
  @HttpCode(202)
  @Allow('marketing')
  @ApiOperation({ summary: 'Withdraw an event, or restore it: everything derived follows' })
  @ApiAcceptedResponse({ standardSchema: statedFacts })
  retract(@Body({ schema: retractionRequest }) body: RetractionRequest, @Actor() actor: string) {
    return this.commands.execute(new JudgeIdentity({ kind: 'retraction', ...body }, actor));
  }

  @Get('aparts')
  @Allow('marketing')
  @ApiOperation({ summary: 'Keys that are held apart for good, newest first' })
  @ApiOkResponse({ standardSchema: apartPage })
  aparts(@Query({ schema: identityListQuery }) page: IdentityListQuery) {
    return this.queries.execute(new ListAparts(page));
  }

  @Post('aparts')
  @HttpCode(202)
  @Allow('marketing')
  @ApiOperation({ summary: 'Hold two keys apart for good, whatever the sites say' })
  @ApiAcceptedResponse({ standardSchema: statedFacts })
  apart(@Body({ schema: apartRequest }) body: ApartRequest, @Actor() actor: string) {
    return this.commands.execute(new JudgeIdentity({ kind: 'apart', ...body }, actor));
  }

  @Post('aparts/:event/lift')
  @HttpCode(202)
  @Allow('marketing')
  @ApiOperation({ summary: 'Hold two keys apart no longer: what links them counts again' })
  @ApiAcceptedResponse({ standardSchema: statedFacts })
  lift(
    @Param('event', eventId) event: string,
    @Body({ schema: liftRequest }) body: LiftRequest,
    @Actor() actor: string,
  ) {
    return this.commands.execute(new JudgeIdentity({ kind: 'lift', event, ...body }, actor));
  }

  @Get('skipped-links')
  @Allow('marketing')
  @ApiOperation({ summary: 'Links that were not made: past the limit of keys, or between keys held apart' })
  @ApiOkResponse({ standardSchema: skippedLinkPage })
  skipped(@Query({ schema: identityListQuery }) page: IdentityListQuery) {
    return this.queries.execute(new ListSkippedLinks(page));
  }
}
