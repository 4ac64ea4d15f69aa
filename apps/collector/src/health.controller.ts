import { Controller, Get, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayReadMetrics, runChecks } from '#libs/platform';
import type { CollectorParts } from './parts.js';

export const collectorParts = Symbol('collectorParts');

@Controller()
export class HealthController {
  constructor(@Inject(collectorParts) private readonly parts: CollectorParts) {}

  @Get('healthz')
  alive() {
    return { ok: true };
  }

  /** PostgreSQL is no check: without it collecting goes on. */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply) {
    const { eventLog, sources } = this.parts;
    const result = await runChecks({
      eventLog: async () => ({ ok: await eventLog.reachable() }),
      sources: () => ({ ok: sources.loaded, detail: { ageSeconds: sources.ageSeconds } }),
    });
    return reply.status(result.ok ? 200 : 503).send(result);
  }

  @Get('metrics')
  async metrics(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    if (!mayReadMetrics(request.raw, this.parts.config.METRICS_TOKEN)) throw new NotFoundException();
    const { registry } = this.parts.metrics;
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  }
}
