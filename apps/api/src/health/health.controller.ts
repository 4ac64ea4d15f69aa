import { Controller, Get, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventLog } from '#libs/event-log';
import { mayReadMetrics, runChecks, type Pool, type Registry } from '#libs/platform';
import { Public } from '../access/allow.decorator.js';
import type { ApiConfig } from '../api.config.js';
import { CONFIG, EVENT_LOG, METRICS, POOL } from '../tokens.js';

@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(METRICS) private readonly metrics: Registry,
    @Inject(CONFIG) private readonly config: ApiConfig,
  ) {}

  @Get('healthz')
  @Public()
  alive() {
    return { ok: true };
  }

  @Get('readyz')
  @Public()
  async ready(@Res() reply: FastifyReply) {
    const result = await runChecks({
      postgres: async () => ({ ok: (await this.pool.query('select 1')).rowCount === 1 }),
      // commands need the log, queries do not: its absence is shown, but takes nobody out of service
      eventLog: async () => ({ ok: true, detail: { reachable: await this.log.reachable() } }),
    });
    await reply.status(result.ok ? 200 : 503).send(result);
  }

  @Get('metrics')
  @Public()
  async prometheus(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    if (!mayReadMetrics(request.raw, this.config.METRICS_TOKEN)) throw new NotFoundException();
    await reply.header('content-type', this.metrics.contentType).send(await this.metrics.metrics());
  }
}
