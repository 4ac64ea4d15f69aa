import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { DomainError, type Pool } from '#libs/platform';
import { createSource, createWriteKey, revokeWriteKey } from '#libs/sources';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { POOL } from '../tokens.js';
import { newSource, newWriteKeyBody, sourceRow, writeKeyShownOnce, type NewSourceBody } from './sources.dto.js';
import { listSources } from './sources.query.js';

const keyHash = z.string().regex(/^[0-9a-f]{64}$/, 'must be the key’s SHA-256, as the list shows it');

@ApiTags('sources')
@Controller('v1/sources')
export class SourcesController {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  @Get()
  @Allow('marketing')
  @ApiOperation({ summary: 'Sites and servers that send events, with their keys’ hints' })
  @ApiOkResponse({ standardSchema: z.array(sourceRow) })
  list() {
    return listSources(this.pool);
  }

  @Post()
  @Allow()
  @ApiOperation({ summary: 'Make a source and its first write key, shown only now' })
  @ApiCreatedResponse({ standardSchema: writeKeyShownOnce })
  async create(@Body({ schema: newSource }) body: NewSourceBody, @Actor() actor: string) {
    await createSource(this.pool, { ...body, actor });
    return createWriteKey(this.pool, { source: body.id, actor });
  }

  @Post(':source/keys')
  @Allow()
  @ApiOperation({ summary: 'Make another write key for a source, shown only now' })
  @ApiCreatedResponse({ standardSchema: writeKeyShownOnce })
  createKey(
    @Param('source') source: string,
    @Body({ schema: newWriteKeyBody }) body: z.infer<typeof newWriteKeyBody>,
    @Actor() actor: string,
  ) {
    return createWriteKey(this.pool, { source, actor, ...body });
  }

  @Delete(':source/keys/:hash')
  @HttpCode(204)
  @Allow()
  @ApiOperation({ summary: 'Revoke a write key; collectors refuse it within 10 seconds' })
  @ApiNoContentResponse()
  async revokeKey(@Param('hash', { schema: keyHash }) hash: string, @Actor() actor: string) {
    if (!(await revokeWriteKey(this.pool, { key: hash, actor })))
      throw new DomainError('write-key-unknown', 'No such key that is still valid.', { status: 404, path: 'hash' });
  }
}
