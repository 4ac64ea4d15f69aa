import { Module, type DynamicModule } from '@nestjs/common';
import { collectorParts, HealthController } from './health.controller.js';
import type { CollectorParts } from './parts.js';

@Module({})
export class CollectorModule {
  static with(parts: CollectorParts): DynamicModule {
    return {
      module: CollectorModule,
      controllers: [HealthController],
      providers: [{ provide: collectorParts, useValue: parts }],
    };
  }
}
