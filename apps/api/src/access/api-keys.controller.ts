import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Pool } from '#libs/platform';
import { POOL } from '../tokens.js';
import { Actor } from './access.guard.js';
import { Allow, roles } from './allow.decorator.js';
import { createApiKey, listApiKeys, revokeApiKey } from './api-key.store.js';

const newKey = z.strictObject({ name: z.string().min(1).max(100), role: z.enum(roles) }).meta({ id: 'NewApiKey' });
const shownOnce = z.object({ id: z.uuid(), key: z.string(), hint: z.string() }).meta({ id: 'ApiKeyShownOnce' });
const apiKey = z
  .object({
    id: z.uuid(),
    name: z.string(),
    role: z.enum(roles),
    hint: z.string().describe('Last four characters'),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' });

@ApiTags('api-keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  @Get()
  @Allow()
  @ApiOperation({ summary: 'Every key ever made, without the keys themselves' })
  @ApiOkResponse({ standardSchema: z.array(apiKey) })
  list() {
    return listApiKeys(this.pool);
  }

  @Post()
  @Allow()
  @ApiOperation({ summary: 'Make a key; it is shown only now' })
  @ApiCreatedResponse({ standardSchema: shownOnce })
  create(@Body({ schema: newKey }) body: z.infer<typeof newKey>, @Actor() actor: string) {
    return createApiKey(this.pool, { ...body, actor });
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow()
  @ApiOperation({ summary: 'Revoke a key at once' })
  @ApiNoContentResponse()
  revoke(@Param('id', { schema: z.uuid() }) id: string, @Actor() actor: string) {
    return revokeApiKey(this.pool, id, actor);
  }
}
