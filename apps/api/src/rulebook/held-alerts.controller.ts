import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ListHeldAlerts, ReleaseHeldAlerts, type HeldAlert } from '#libs/handoff';
import type { Pool } from '#libs/platform';
import { readDocument } from '#libs/projection';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { decodeCursor, encodeCursor } from '../http/paging.js';
import { points } from '../leads/lead-ref.js';
import { POOL } from '../tokens.js';
import {
  heldAlertPage,
  heldAlertsQuery,
  releasedAlerts,
  releaseInput,
  type HeldAlertsQuery,
  type ReleaseInput,
} from './held-alerts.dto.js';

const versionNumber = { schema: z.coerce.number().pipe(z.int32().positive()) };
const cursorKeys = z.tuple([z.int().positive(), z.uuid()]);

@ApiTags('rulebook')
@Controller('v1/rulebook/versions/:version/held-alerts')
export class HeldAlertsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'The alerts that publishing this version held back' })
  @ApiOkResponse({ standardSchema: heldAlertPage })
  async list(
    @Param('version', versionNumber) version: number,
    @Query({ schema: heldAlertsQuery }) asked: HeldAlertsQuery,
  ) {
    await readDocument(this.pool, version);
    const after = decodeCursor(asked.cursor, cursorKeys);
    const { alerts, complete } = await this.queries.execute(
      new ListHeldAlerts(version, {
        limit: asked.limit + 1,
        ...(asked.released === undefined ? {} : { released: asked.released }),
        ...(after ? { after: { batch: after[0], crossing: after[1] } } : {}),
      }),
    );
    const shown = alerts.slice(0, asked.limit);
    const last = shown.at(-1);
    return {
      items: shown.map(itemOf),
      nextCursor: last && alerts.length > asked.limit ? encodeCursor([last.batch, last.crossing]) : null,
      complete,
    };
  }

  @Post('release')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'Let held alerts go, all or some: each is sent once, however often it is asked' })
  @ApiOkResponse({ standardSchema: releasedAlerts })
  async release(
    @Param('version', versionNumber) version: number,
    @Body({ schema: releaseInput }) input: ReleaseInput,
    @Actor() actor: string,
  ) {
    await readDocument(this.pool, version);
    return this.commands.execute(new ReleaseHeldAlerts(version, input, actor, input.note));
  }
}

const itemOf = ({ batch: _, score, ...alert }: HeldAlert) => ({
  ...alert,
  score: score === null ? null : points(score),
});
