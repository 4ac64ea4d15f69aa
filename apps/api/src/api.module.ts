import { Module, type DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { EventLog } from '#libs/event-log';
import type { Logger, Pool, Registry } from '#libs/platform';
import type { ApiConfig } from './api.config.js';
import { ApiKeysController } from './access/api-keys.controller.js';
import { DeliveriesController } from './deliveries/deliveries.controller.js';
import { ListDeliveriesHandler, ReadDeliveryHandler } from './deliveries/deliveries.query.js';
import { FunnelController } from './funnel/funnel.controller.js';
import { CountFunnelHandler } from './funnel/funnel.query.js';
import { HealthController } from './health/health.controller.js';
import { IdentityController } from './identity/identity.controller.js';
import { JudgeIdentityHandler } from './identity/judge-identity.command.js';
import { DiscardRecordHandler } from './quarantine/discard-record.command.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { ListQuarantineHandler } from './quarantine/quarantine.query.js';
import { ReplayRecordHandler } from './quarantine/replay-record.command.js';
import { SourcesController } from './sources/sources.controller.js';
import { CONFIG, EVENT_LOG, LOGGER, METRICS, POOL, provide } from './tokens.js';

export interface ApiParts {
  pool: Pool;
  eventLog: EventLog;
  config: ApiConfig;
  logger: Logger;
  metrics: Registry;
}

@Module({})
export class ApiModule {
  static forParts(parts: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [CqrsModule.forRoot()],
      controllers: [
        ApiKeysController,
        DeliveriesController,
        FunnelController,
        HealthController,
        IdentityController,
        QuarantineController,
        SourcesController,
      ],
      providers: [
        { provide: POOL, useValue: parts.pool },
        { provide: EVENT_LOG, useValue: parts.eventLog },
        { provide: CONFIG, useValue: parts.config },
        { provide: LOGGER, useValue: parts.logger },
        { provide: METRICS, useValue: parts.metrics },
        provide(ListDeliveriesHandler, POOL),
        provide(ReadDeliveryHandler, POOL),
        provide(CountFunnelHandler, POOL),
        provide(JudgeIdentityHandler, POOL, EVENT_LOG),
        provide(ListQuarantineHandler, POOL),
        provide(ReplayRecordHandler, POOL, EVENT_LOG),
        provide(DiscardRecordHandler, POOL),
      ],
    };
  }
}
