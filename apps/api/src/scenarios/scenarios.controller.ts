import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  ActivateScenario,
  ListScenarios,
  PauseScenario,
  ReadRunsOfLead,
  ReadScenario,
  SaveScenarioVersion,
  SaveTemplateVersion,
} from '#libs/nurture';
import type { Pool } from '#libs/platform';
import { readLead } from '#libs/projection';
import { Actor } from '../access/access.guard.js';
import { Allow } from '../access/allow.decorator.js';
import { leadRef, leadUnknown, refOf } from '../leads/lead-ref.js';
import { POOL } from '../tokens.js';
import {
  activation,
  leadRuns,
  savedScenario,
  scenarioInput,
  scenarioList,
  scenarioName,
  scenarioRow,
  templateInput,
  type Activation,
  type ScenarioInput,
  type TemplateInput,
} from './scenarios.dto.js';

@ApiTags('scenarios')
@Controller('v1')
export class ScenariosController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Get('scenarios')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Every scenario with its latest and its active version' })
  @ApiOkResponse({ standardSchema: scenarioList })
  list() {
    return this.queries.execute(new ListScenarios());
  }

  @Get('scenarios/:name')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'One scenario' })
  @ApiOkResponse({ standardSchema: scenarioRow })
  read(@Param('name', { schema: scenarioName }) name: string) {
    return this.queries.execute(new ReadScenario(name));
  }

  @Post('scenarios')
  @Allow('marketing')
  @ApiOperation({ summary: 'Keep a new version; nobody enters it until it is activated' })
  @ApiCreatedResponse({ standardSchema: savedScenario })
  save(@Body({ schema: scenarioInput }) { document }: ScenarioInput, @Actor() actor: string) {
    return this.commands.execute(new SaveScenarioVersion(document, actor));
  }

  @Post('scenarios/:name/activate')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'Let people enter a version; runs under way keep theirs' })
  @ApiOkResponse({ standardSchema: scenarioRow })
  activate(
    @Param('name', { schema: scenarioName }) name: string,
    @Body({ schema: activation }) { version }: Activation,
    @Actor() actor: string,
  ) {
    return this.commands.execute(new ActivateScenario(name, version, actor));
  }

  @Post('scenarios/:name/pause')
  @HttpCode(200)
  @Allow('marketing')
  @ApiOperation({ summary: 'Let nobody enter any more; runs under way go on' })
  @ApiOkResponse({ standardSchema: scenarioRow })
  pause(@Param('name', { schema: scenarioName }) name: string, @Actor() actor: string) {
    return this.commands.execute(new PauseScenario(name, actor));
  }

  @Get('leads/:lead/runs')
  @Allow('sales', 'marketing')
  @ApiOperation({ summary: 'Why this lead got a mail, and why not: runs, steps, deliveries' })
  @ApiOkResponse({ standardSchema: leadRuns })
  async runs(@Param('lead', { schema: leadRef }) ref: string) {
    const lead = await readLead(this.pool, refOf(ref));
    if (!lead) throw leadUnknown();
    return this.queries.execute(new ReadRunsOfLead(lead.id));
  }

  @Post('templates')
  @Allow('marketing')
  @ApiOperation({ summary: 'Keep a new version of a mail, in one language or both' })
  @ApiCreatedResponse({ standardSchema: savedScenario })
  saveTemplate(@Body({ schema: templateInput }) { name, texts }: TemplateInput, @Actor() actor: string) {
    return this.commands.execute(new SaveTemplateVersion(name, texts, actor));
  }
}
