import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CorrectOutcome, RecordOutcome } from '#libs/handoff';
import type { Pool } from '#libs/platform';
import { readLead } from '#libs/projection';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { afterQuery, type AfterQuery } from '../http/after.js';
import { POOL } from '../tokens.js';
import { ExplainScore } from './explain-score.query.js';
import { leadRef, leadUnknown, refOf } from './lead-ref.js';
import {
  leadDetail,
  leadPage,
  leadsQuery,
  correctionBody,
  outcomeBody,
  scoreExplanation,
  scoreQuery,
  statedOutcome,
  timelinePage,
  timelineQuery,
  type LeadsQuery,
  type CorrectionBody,
  type OutcomeBody,
  type ScoreQuery,
  type TimelineQuery,
} from './leads.dto.js';
import { ListLeads } from './list-leads.query.js';
import { ReadLead } from './read-lead.query.js';
import { ReadTimeline } from './timeline.query.js';

const lead = { schema: leadRef };

@ApiTags('leads')
@Controller('v1/leads')
export class LeadsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Leads, hot first, then by score' })
  @ApiOkResponse({ standardSchema: leadPage })
  list(@Query({ schema: leadsQuery }) filter: LeadsQuery) {
    return this.queries.execute(new ListLeads(filter));
  }

  @Get(':lead')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'One lead, looked at now' })
  @ApiOkResponse({ standardSchema: leadDetail })
  read(@Param('lead', lead) ref: string, @Query({ schema: afterQuery }) { after }: AfterQuery) {
    return this.queries.execute(new ReadLead(ref, after));
  }

  @Get(':lead/timeline')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'What the lead did, what was decided and judged about it, newest first' })
  @ApiOkResponse({ standardSchema: timelinePage })
  timeline(@Param('lead', lead) ref: string, @Query({ schema: timelineQuery }) page: TimelineQuery) {
    return this.queries.execute(new ReadTimeline(ref, page));
  }

  @Get(':lead/score')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'The score with lines that sum to it, and what is missing to be hot' })
  @ApiOkResponse({ standardSchema: scoreExplanation })
  score(@Param('lead', lead) ref: string, @Query({ schema: scoreQuery }) query: ScoreQuery) {
    return this.queries.execute(new ExplainScore(ref, query));
  }

  @Post(':lead/outcomes')
  @HttpCode(202)
  @Allow('sales')
  @ApiOperation({ summary: 'Say what came of the lead: it becomes an event on the log' })
  @ApiHeader({
    name: 'idempotency-key',
    required: false,
    description: 'Stated twice with the same key, it counts once',
  })
  @ApiAcceptedResponse({ standardSchema: statedOutcome })
  async outcome(
    @Param('lead', lead) ref: string,
    @Body({ schema: outcomeBody }) body: OutcomeBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Actor() actor: string,
  ) {
    const found = await readLead(this.pool, refOf(ref));
    if (!found) throw leadUnknown();
    return this.commands.execute(new RecordOutcome(found.id, body, actor, idempotencyKey?.slice(0, 200)));
  }

  @Post(':lead/outcomes/:event/corrections')
  @HttpCode(202)
  @Allow('sales')
  @ApiOperation({ summary: 'An outcome was wrong: withdraw it and say what it should have been' })
  @ApiAcceptedResponse({ standardSchema: statedOutcome })
  async correct(
    @Param('lead', lead) ref: string,
    @Param('event', { schema: z.uuid() }) event: string,
    @Body({ schema: correctionBody }) body: CorrectionBody,
    @Actor() actor: string,
  ) {
    const found = await readLead(this.pool, refOf(ref));
    if (!found) throw leadUnknown();
    return this.commands.execute(new CorrectOutcome(found.id, event, body, actor));
  }
}
