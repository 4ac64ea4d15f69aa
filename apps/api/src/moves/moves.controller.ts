import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { JudgeMove } from '#libs/handoff';
import type { Pool } from '#libs/platform';
import { listHeldMoves, ProjectionContext, readLead } from '#libs/projection';
import { Actor, ActorRole } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { decodeCursor, encodeCursor, instant } from '../http/paging.js';
import { iso, leadRef, leadUnknown, refOf } from '../leads/lead-ref.js';
import { statedOutcome } from '../leads/leads.dto.js';
import { POOL } from '../tokens.js';
import { heldMovesPage, heldMovesQuery, moveVerdict, type HeldMovesQuery, type MoveVerdictBody } from './moves.dto.js';

const cursorKeys = z.tuple([instant, z.uuid()]);

@ApiTags('stages')
@Controller('v1')
export class MovesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly context: ProjectionContext,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get('held-moves')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Moves to a stage that wait for fields or an approval, newest first' })
  @ApiOkResponse({ standardSchema: heldMovesPage })
  async list(@Query({ schema: heldMovesQuery }) { locale, limit, cursor }: HeldMovesQuery) {
    const before = decodeCursor(cursor, cursorKeys);
    const { moves, next } = await listHeldMoves(this.pool, this.context, {
      locale,
      limit,
      ...(before ? { before: { at: before[0], decision: before[1] } } : {}),
    });
    return {
      items: moves.map(({ decision: _, since, ...move }) => ({ ...move, since: since === null ? null : iso(since) })),
      nextCursor: next ? encodeCursor([next.at, next.decision]) : null,
    };
  }

  @Post('leads/:lead/approvals')
  @HttpCode(202)
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Approve or decline a held move: it becomes an event on the log, and is decided once' })
  @ApiHeader({
    name: 'idempotency-key',
    required: false,
    description: 'Stated twice with the same key, it counts once',
  })
  @ApiAcceptedResponse({ standardSchema: statedOutcome })
  async judge(
    @Param('lead', { schema: leadRef }) ref: string,
    @Body({ schema: moveVerdict }) { stage, verdict, reason }: MoveVerdictBody,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Actor() name: string,
    @ActorRole() role: string,
  ) {
    const lead = await readLead(this.pool, refOf(ref));
    if (!lead) throw leadUnknown();
    const said = { stage, approved: verdict === 'approved', ...(reason === undefined ? {} : { reason }) };
    return this.commands.execute(new JudgeMove(lead.id, said, { name, role }, idempotencyKey?.slice(0, 200)));
  }
}
