import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Allow } from '../access/allow.decorator.js';
import { identityPreview } from './identity-graph.dto.js';
import {
  apartRequest,
  liftRequest,
  mergeRequest,
  retractionRequest,
  unmergeRequest,
  type ApartRequest,
  type LiftRequest,
  type MergeRequest,
  type RetractionRequest,
  type UnmergeRequest,
} from './identity.dto.js';
import { PreviewIdentity } from './preview-identity.query.js';

/** The same bodies as the commands take: nothing is stated, nothing stays. */
@ApiTags('identity')
@Controller('v1')
export class IdentityPreviewController {
  constructor(private readonly queries: QueryBus) {}

  @Post('merges/preview')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'What a merge would do to both leads' })
  @ApiOkResponse({ standardSchema: identityPreview })
  merge(@Body({ schema: mergeRequest }) body: MergeRequest) {
    return this.queries.execute(new PreviewIdentity({ kind: 'merge', ...body }));
  }

  @Post('unmerges/preview')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'What each side would be after an un-merge' })
  @ApiOkResponse({ standardSchema: identityPreview })
  unmerge(@Body({ schema: unmergeRequest }) body: UnmergeRequest) {
    return this.queries.execute(new PreviewIdentity({ kind: 'unmerge', ...body }));
  }

  @Post('retractions/preview')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'What withdrawing or restoring an event would do' })
  @ApiOkResponse({ standardSchema: identityPreview })
  retract(@Body({ schema: retractionRequest }) body: RetractionRequest) {
    return this.queries.execute(new PreviewIdentity({ kind: 'retraction', ...body }));
  }

  @Post('aparts/preview')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'What holding two keys apart would do' })
  @ApiOkResponse({ standardSchema: identityPreview })
  apart(@Body({ schema: apartRequest }) body: ApartRequest) {
    return this.queries.execute(new PreviewIdentity({ kind: 'apart', ...body }));
  }

  @Post('aparts/:event/lift/preview')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'What would be joined again' })
  @ApiOkResponse({ standardSchema: identityPreview })
  lift(@Param('event', { schema: z.uuid() }) event: string, @Body({ schema: liftRequest }) body: LiftRequest) {
    return this.queries.execute(new PreviewIdentity({ kind: 'lift', event, ...body }));
  }
}
