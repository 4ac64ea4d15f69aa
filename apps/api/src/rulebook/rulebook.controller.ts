import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Pool } from '#libs/platform';
import { liveRulebook, readDocument, versions } from '#libs/projection';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { POOL } from '../tokens.js';
import { parseInput, PublishRulebook, SaveRulebook } from './change-rulebook.command.js';
import { CompareDraft } from './compare-draft.query.js';
import {
  compareInput,
  published,
  publishInput,
  rulebookComparison,
  rulebookDetail,
  rulebookInput,
  rulebookVerdict,
  rulebookVersion,
  savedVersion,
  type CompareInput,
  type PublishInput,
  type RulebookInput,
} from './rulebook.dto.js';

const versionNumber = z.coerce.number().pipe(z.int32().positive());

@ApiTags('rulebook')
@Controller('v1/rulebook')
export class RulebookController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get()
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'The live rulebook' })
  @ApiOkResponse({ standardSchema: rulebookDetail })
  async live() {
    const { version, document } = await liveRulebook(this.pool);
    return { version, document };
  }

  @Get('versions')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Every version, newest first' })
  @ApiOkResponse({ standardSchema: z.array(rulebookVersion) })
  list() {
    return versions(this.pool);
  }

  @Get('versions/:version')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'One version' })
  @ApiOkResponse({ standardSchema: rulebookDetail })
  async version(@Param('version', { schema: versionNumber }) version: number) {
    return { version, document: await readDocument(this.pool, version) };
  }

  @Post('validate')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'Check a rulebook without keeping it; every error with its path' })
  @ApiOkResponse({ standardSchema: rulebookVerdict })
  validate(@Body({ schema: rulebookInput }) input: RulebookInput) {
    const { errors = [] } = parseInput(input);
    return { valid: errors.length === 0, errors };
  }

  @Post('compare')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'A draft against the live rulebook, in words and in effect; nothing is kept' })
  @ApiOkResponse({ standardSchema: rulebookComparison })
  compare(@Body({ schema: compareInput }) input: CompareInput) {
    return this.queries.execute(new CompareDraft(input));
  }

  @Post('versions')
  @Allow('marketing')
  @ApiOperation({ summary: 'Keep a new version; it changes nothing until it is published' })
  @ApiCreatedResponse({ standardSchema: savedVersion })
  save(@Body({ schema: rulebookInput }) input: RulebookInput, @Actor() actor: string) {
    return this.commands.execute(new SaveRulebook(input, actor));
  }

  @Post('publish')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'Make a version live, quietly; an older one reverts' })
  @ApiOkResponse({ standardSchema: published })
  publish(@Body({ schema: publishInput }) input: PublishInput, @Actor() actor: string) {
    return this.commands.execute(new PublishRulebook(input, actor));
  }
}
