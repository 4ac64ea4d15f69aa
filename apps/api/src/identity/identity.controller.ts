import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import {
  mergeRequest,
  retractionRequest,
  statedFacts,
  unmergeRequest,
  type MergeRequest,
  type RetractionRequest,
  type UnmergeRequest,
} from './identity.dto.js';
import { JudgeIdentity } from './judge-identity.command.js';

@ApiTags('identity')
@Controller('v1')
export class IdentityController {
  constructor(private readonly commands: CommandBus) {}

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
}
