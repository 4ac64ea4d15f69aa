import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { DomainError, type Pool } from '#libs/platform';
import {
  ErasePerson,
  erasureProof,
  erasureRequest,
  ExportPerson,
  listProofs,
  personExport,
  readProof,
  type ErasureRequest,
} from '#libs/privacy';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.js';
import { leadRef, refOf } from '../leads/lead-ref.js';
import { POOL } from '../tokens.js';

const lead = { schema: leadRef };
const exportQuery = z.object({ locale: z.enum(['ja', 'en']).default('en').describe('Language of the texts') });
const erasuresQuery = z.object(pageQuery);
const erasurePage = pageOf(erasureProof).meta({ id: 'ErasurePage' });

@ApiTags('privacy')
@Controller('v1')
export class PrivacyController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Post('leads/:lead/erasure')
  @HttpCode(200)
  @Allow()
  @ApiOperation({ summary: 'Erase a person for good; asked again, it answers with the same proof' })
  @ApiOkResponse({ standardSchema: erasureProof })
  erase(
    @Param('lead', lead) ref: string,
    @Body({ schema: erasureRequest }) request: ErasureRequest,
    @Actor() actor: string,
  ) {
    return this.commands.execute(new ErasePerson(refOf(ref), request, actor));
  }

  @Get('leads/:lead/export')
  @Allow('marketing')
  @ApiOperation({
    summary: 'One person’s data as JSON (schemas/person-export.schema.json); the audit log says who took it',
  })
  @ApiOkResponse({ standardSchema: personExport })
  async export(
    @Param('lead', lead) ref: string,
    @Query({ schema: exportQuery }) { locale }: z.infer<typeof exportQuery>,
    @Actor() actor: string,
  ) {
    const pieces = await this.queries.execute(new ExportPerson(refOf(ref), locale, actor));
    return new StreamableFile(Readable.from(pieces, { objectMode: false }), {
      type: 'application/json; charset=utf-8',
    });
  }

  @Get('erasures')
  @Allow()
  @ApiOperation({ summary: 'Proofs of every erasure, newest first' })
  @ApiOkResponse({ standardSchema: erasurePage })
  async list(@Query({ schema: erasuresQuery }) page: z.infer<typeof erasuresQuery>) {
    const [before] = decodeCursor(page.cursor, z.tuple([z.uuid()])) ?? [null];
    const proofs = await listProofs(this.pool, before, page.limit + 1);
    const items = proofs.slice(0, page.limit);
    return { items, nextCursor: proofs.length > page.limit ? encodeCursor([items.at(-1)!.id]) : null };
  }

  @Get('erasures/:id')
  @Allow()
  @ApiOperation({ summary: 'The proof of one erasure' })
  @ApiOkResponse({ standardSchema: erasureProof })
  async read(@Param('id', { schema: z.uuid() }) id: string) {
    const proof = await readProof(this.pool, id);
    if (!proof) throw new DomainError('erasure-unknown', 'No erasure has this id.', { status: 404, path: 'id' });
    return proof;
  }
}
