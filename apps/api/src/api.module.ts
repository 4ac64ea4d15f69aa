import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule, QueryBus } from '@nestjs/cqrs';
import type { EventLog } from '#libs/event-log';
import {
  CorrectOutcomeHandler,
  AnswerQuestionsHandler,
  JudgeMoveHandler,
  ListHeldAlertsHandler,
  RecordOutcomeHandler,
  ReleaseHeldAlertsHandler,
} from '#libs/handoff';
import {
  ActivateScenarioHandler,
  ListScenariosHandler,
  PauseScenarioHandler,
  ReadRunsOfLeadHandler,
  ReadScenarioHandler,
  SaveScenarioVersionHandler,
  SaveTemplateVersionHandler,
  UnsubscribeHandler,
} from '#libs/nurture';
import { CompareRulebooksHandler } from '#libs/insights';
import { TokenSeal, type Logger, type Pool, type Registry } from '#libs/platform';
import { ErasePersonHandler, ExportPersonHandler } from '#libs/privacy';
import { ProjectionContext } from '#libs/projection';
import { ReadAccountTimelineHandler } from './accounts/account-timeline.query.js';
import { AccountsController } from './accounts/accounts.controller.js';
import { AssignAccountHandler } from './accounts/assign-account.command.js';
import { ListAccountsHandler } from './accounts/list-accounts.query.js';
import { ReadAccountHandler } from './accounts/read-account.query.js';
import { ApiKeysController } from './access/api-keys.controller.js';
import type { ApiConfig } from './api.config.js';
import { AuditController } from './audit/audit.controller.js';
import { DeliveriesController } from './deliveries/deliveries.controller.js';
import { ListDeliveriesHandler, ReadDeliveryHandler } from './deliveries/deliveries.query.js';
import { FunnelController } from './funnel/funnel.controller.js';
import { CountFunnelHandler } from './funnel/funnel.query.js';
import { HealthController } from './health/health.controller.js';
import { IdentityController } from './identity/identity.controller.js';
import { IdentityPreviewController } from './identity/identity-preview.controller.js';
import { ListApartsHandler, ListSkippedLinksHandler, ReadIdentityHandler } from './identity/identity.query.js';
import { JudgeIdentityHandler } from './identity/judge-identity.command.js';
import { PreviewIdentityHandler } from './identity/preview-identity.query.js';
import { ExplainScoreHandler } from './leads/explain-score.query.js';
import { LeadsController } from './leads/leads.controller.js';
import { ListLeadsHandler } from './leads/list-leads.query.js';
import { ReadLeadHandler } from './leads/read-lead.query.js';
import { ReadTimelineHandler } from './leads/timeline.query.js';
import { PrivacyController } from './privacy/privacy.controller.js';
import { DiscardRecordHandler } from './quarantine/discard-record.command.js';
import { MovesController } from './moves/moves.controller.js';
import { QualificationController } from './qualification/qualification.controller.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { ListQuarantineHandler } from './quarantine/quarantine.query.js';
import { ReplayRecordHandler } from './quarantine/replay-record.command.js';
import { PublishRulebookHandler, SaveRulebookHandler } from './rulebook/change-rulebook.command.js';
import { CompareDraftHandler } from './rulebook/compare-draft.query.js';
import { HeldAlertsController } from './rulebook/held-alerts.controller.js';
import { RulebookController } from './rulebook/rulebook.controller.js';
import { ScenariosController } from './scenarios/scenarios.controller.js';
import { SourcesController } from './sources/sources.controller.js';
import { CONFIG, EVENT_LOG, LOGGER, METRICS, POOL, provide, UNSUBSCRIBE_SEAL } from './tokens.js';
import { UnsubscribeController } from './unsubscribe/unsubscribe.controller.js';

export interface ApiParts {
  pool: Pool;
  eventLog: EventLog;
  config: ApiConfig;
  logger: Logger;
  metrics: Registry;
  context: ProjectionContext;
}

const controllers = [
  AccountsController,
  ApiKeysController,
  AuditController,
  DeliveriesController,
  FunnelController,
  HealthController,
  HeldAlertsController,
  IdentityController,
  IdentityPreviewController,
  LeadsController,
  MovesController,
  QualificationController,
  PrivacyController,
  QuarantineController,
  RulebookController,
  ScenariosController,
  SourcesController,
  UnsubscribeController,
];

const handlers = [
  provide(ActivateScenarioHandler, POOL),
  provide(AnswerQuestionsHandler, POOL, EVENT_LOG),
  provide(AssignAccountHandler, POOL, EVENT_LOG),
  provide(CompareDraftHandler, QueryBus, POOL),
  provide(CompareRulebooksHandler, POOL, ProjectionContext),
  provide(CorrectOutcomeHandler, POOL, EVENT_LOG),
  provide(CountFunnelHandler, POOL),
  provide(DiscardRecordHandler, POOL),
  provide(ErasePersonHandler, POOL, ProjectionContext, CONFIG),
  provide(ExplainScoreHandler, POOL, ProjectionContext),
  provide(ExportPersonHandler, POOL, ProjectionContext),
  provide(JudgeIdentityHandler, POOL, EVENT_LOG),
  provide(JudgeMoveHandler, POOL, EVENT_LOG, ProjectionContext),
  provide(ListApartsHandler, POOL),
  provide(ListAccountsHandler, POOL, ProjectionContext),
  provide(ListDeliveriesHandler, POOL),
  provide(ListHeldAlertsHandler, POOL),
  provide(ListLeadsHandler, POOL, ProjectionContext),
  provide(ListQuarantineHandler, POOL),
  provide(ListScenariosHandler, POOL),
  provide(ListSkippedLinksHandler, POOL),
  provide(PauseScenarioHandler, POOL),
  provide(PreviewIdentityHandler, POOL, ProjectionContext),
  provide(PublishRulebookHandler, POOL),
  provide(ReadAccountHandler, POOL, ProjectionContext),
  provide(ReadAccountTimelineHandler, POOL),
  provide(ReadDeliveryHandler, POOL),
  provide(ReadIdentityHandler, POOL),
  provide(ReadLeadHandler, POOL, ProjectionContext),
  provide(ReadRunsOfLeadHandler, POOL),
  provide(ReadScenarioHandler, POOL),
  provide(ReadTimelineHandler, POOL),
  provide(RecordOutcomeHandler, POOL, EVENT_LOG),
  provide(ReleaseHeldAlertsHandler, POOL),
  provide(ReplayRecordHandler, POOL, EVENT_LOG),
  provide(SaveRulebookHandler, POOL),
  provide(SaveScenarioVersionHandler, POOL),
  provide(SaveTemplateVersionHandler, POOL),
  provide(UnsubscribeHandler, POOL, UNSUBSCRIBE_SEAL),
];

@Module({})
export class ApiModule {
  static forParts(parts: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [CqrsModule.forRoot()],
      controllers,
      providers: [
        { provide: POOL, useValue: parts.pool },
        { provide: EVENT_LOG, useValue: parts.eventLog },
        { provide: CONFIG, useValue: parts.config },
        { provide: LOGGER, useValue: parts.logger },
        { provide: METRICS, useValue: parts.metrics },
        { provide: ProjectionContext, useValue: parts.context },
        { provide: UNSUBSCRIBE_SEAL, useValue: new TokenSeal(parts.config.TRACKING_SECRET, 'unsubscribe') },
        ...handlers,
      ],
    };
  }
}
