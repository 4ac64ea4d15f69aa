import { Module, type DynamicModule } from '@nestjs/common';
import { createEventLog, type EventLog } from '#libs/event-log';
import { createMetrics, Progress, type Logger, type Pool, type Registry } from '#libs/platform';
import { createProjectionPool, ProjectionContext } from '#libs/projection';
import { Projector } from './projector.js';
import type { ProjectorConfig } from './projector.config.js';

@Module({})
export class ProjectorModule {
  static of(config: ProjectorConfig, log: Logger): DynamicModule {
    return {
      module: ProjectorModule,
      providers: [
        {
          provide: 'pool',
          // one connection per partition at work, one for upkeep, one for probes and assignments
          useFactory: () =>
            createProjectionPool(
              {
                url: config.DATABASE_URL,
                applicationName: 'leadfold-projector',
                // a place more for the urgent lane, two for the upkeep
                max: config.PROJECTOR_CONCURRENCY + 3,
              },
              (error) => log.warn({ err: error }, 'idle database connection lost'),
            ),
        },
        { provide: 'event-log', useFactory: () => createEventLog(config, log) },
        { provide: 'metrics', useFactory: () => createMetrics('projector') },
        { provide: Progress, useFactory: () => new Progress(log) },
        {
          provide: ProjectionContext,
          inject: ['pool'],
          useFactory: (pool: Pool) => ProjectionContext.load(pool, config),
        },
        {
          provide: Projector,
          inject: ['pool', 'event-log', 'metrics', Progress, ProjectionContext],
          useFactory: (
            pool: Pool,
            eventLog: EventLog,
            metrics: Registry,
            progress: Progress,
            context: ProjectionContext,
          ) => new Projector({ config, log, pool, eventLog, context, progress, metrics }),
        },
      ],
    };
  }
}
