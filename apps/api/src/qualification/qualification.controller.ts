import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AnswerQuestions } from '#libs/handoff';
import type { Pool } from '#libs/platform';
import { factsOf, ProjectionContext, qualify, readLead, readLookNow } from '#libs/projection';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { waitForAfter } from '../http/after.js';
import { iso, leadRef, leadUnknown, refOf } from '../leads/lead-ref.js';
import { POOL } from '../tokens.js';
import {
  qualification,
  qualificationBody,
  qualificationQuery,
  statedAnswers,
  type QualificationBody,
  type QualificationQuery,
} from './qualification.dto.js';

const lead = { schema: leadRef };

@ApiTags('leads')
@Controller('v1/leads/:lead/qualification')
export class QualificationController {
  constructor(
    private readonly commands: CommandBus,
    private readonly context: ProjectionContext,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'How the lead came in, what is missing, and what was asked and answered' })
  @ApiOkResponse({ standardSchema: qualification })
  async read(
    @Param('lead', lead) ref: string,
    @Query({ schema: qualificationQuery }) { after, locale }: QualificationQuery,
  ) {
    await waitForAfter(this.pool, after);
    const looked = await readLookNow(this.pool, this.context, refOf(ref));
    if (!looked) throw leadUnknown();
    const { state, memory, id } = looked.lead;
    const { channel, missing, frameworks } = qualify(factsOf(state, looked.rulebook, memory, looked.now), locale);
    return {
      lead: id,
      channel,
      missing,
      frameworks: frameworks.map((framework) => ({
        ...framework,
        questions: framework.questions.map(({ answeredAt, ...question }) => ({
          ...question,
          answeredAt: answeredAt === null ? null : iso(answeredAt),
        })),
      })),
    };
  }

  @Post()
  @HttpCode(202)
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Say what was answered: each answer becomes an event on the log' })
  @ApiHeader({
    name: 'idempotency-key',
    required: false,
    description: 'Stated twice with the same key, it counts once',
  })
  @ApiAcceptedResponse({ standardSchema: statedAnswers })
  async answer(
    @Param('lead', lead) ref: string,
    @Body({ schema: qualificationBody }) body: QualificationBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Actor() actor: string,
  ) {
    const found = await readLead(this.pool, refOf(ref));
    if (!found) throw leadUnknown();
    return this.commands.execute(new AnswerQuestions(found.id, body, actor, idempotencyKey?.slice(0, 200)));
  }
}
