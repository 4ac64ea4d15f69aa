import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AccountKey } from '#libs/leads/domain';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { leadRef } from '../leads/lead-ref.js';
import { ReadAccountTimeline } from './account-timeline.query.js';
import {
  accountDetail,
  accountPage,
  accountQuery,
  accountRef,
  accountsQuery,
  accountTimelinePage,
  accountTimelineQuery,
  assignmentBody,
  statedAssignment,
  type AccountQuery,
  type AccountsQuery,
  type AccountTimelineQuery,
  type AssignmentBody,
} from './accounts.dto.js';
import { AssignAccount } from './assign-account.command.js';
import { ListAccounts } from './list-accounts.query.js';
import { ReadAccount } from './read-account.query.js';

const account = { schema: accountRef };

@ApiTags('accounts')
@Controller('v1')
export class AccountsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  @Get('accounts')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Companies, hot first, then by engagement' })
  @ApiOkResponse({ standardSchema: accountPage })
  list(@Query({ schema: accountsQuery }) filter: AccountsQuery) {
    return this.queries.execute(new ListAccounts(filter));
  }

  @Get('accounts/:account')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'One company looked at now: its leads, roles, why it is as hot as it is, and suggestions' })
  @ApiOkResponse({ standardSchema: accountDetail })
  read(@Param('account', account) key: AccountKey, @Query({ schema: accountQuery }) query: AccountQuery) {
    return this.queries.execute(new ReadAccount(key, query));
  }

  @Get('accounts/:account/timeline')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'What its leads did and what was decided about them, newest first' })
  @ApiOkResponse({ standardSchema: accountTimelinePage })
  timeline(
    @Param('account', account) key: AccountKey,
    @Query({ schema: accountTimelineQuery }) page: AccountTimelineQuery,
  ) {
    return this.queries.execute(new ReadAccountTimeline(key, page));
  }

  @Post('leads/:lead/account')
  @HttpCode(202)
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Say which company a lead belongs to, or take that back' })
  @ApiAcceptedResponse({ standardSchema: statedAssignment })
  assign(
    @Param('lead', { schema: leadRef }) ref: string,
    @Body({ schema: assignmentBody }) body: AssignmentBody,
    @Actor() actor: string,
  ) {
    return this.commands.execute(new AssignAccount(ref, body, actor));
  }
}
