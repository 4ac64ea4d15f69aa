import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EventLog } from '#libs/event-log';
import { createMetrics, type Logger } from '#libs/platform';
import type { SourceDirectory } from '#libs/sources';
import { registerCollect } from './collect.route.js';
import type { CollectorConfig } from './collector.config.js';
import { CollectorMetrics } from './collector-metrics.js';
import { CollectorModule } from './collector.module.js';
import { registerPreflight } from './cors.js';
import { Hits } from './hit.route.js';
import { InFlight, type CollectorParts } from './parts.js';
import { sendProblem } from './problem.js';
import { bodyReader } from './read-body.js';
import { registerScript } from './script.route.js';
import { registerSettings } from './settings.route.js';

export interface CollectorApp {
  app: NestFastifyApplication;
  /** Answers what was accepted, then lets go; the log is closed by whoever opened it. */
  close(): Promise<void>;
}

export async function createApp(given: {
  config: CollectorConfig;
  log: Logger;
  eventLog: EventLog;
  sources: SourceDirectory;
}): Promise<CollectorApp> {
  const inFlight = new InFlight(given.config.COLLECTOR_IN_FLIGHT_BYTES);
  const metrics = new CollectorMetrics(
    createMetrics('collector'),
    () => inFlight.bytes,
    () => given.sources.ageSeconds,
  );
  const parts: CollectorParts = { ...given, metrics, inFlight };
  const adapter = new FastifyAdapter({
    trustProxy: given.config.COLLECTOR_TRUST_PROXY.split(',').map((address) => address.trim()),
    // tokens in paths carry a sealed URL
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8_192 },
    requestTimeout: 30_000,
    // Node looks for requests that are overdue only so often
    http: { connectionsCheckingInterval: 5_000 },
    frameworkErrors: (_error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      void sendProblem(reply, 400, 'bad-request', 'The path cannot be read.'),
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(CollectorModule.with(parts), adapter, {
    logger: false,
    bodyParser: false,
  });
  const hits = new Hits(parts);
  registerRoutes(adapter.getInstance() as unknown as FastifyInstance, parts, hits);
  await app.init();
  return {
    app,
    close: async () => {
      await app.close();
      await hits.settled();
    },
  };
}

function registerRoutes(server: FastifyInstance, parts: CollectorParts, hits: Hits): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', bodyReader(parts.inFlight));
  registerPreflight(server);
  registerCollect(server, parts);
  registerSettings(server, parts);
  registerScript(server);
  hits.register(server);
  server.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/*',
    handler: (_request, reply) => sendProblem(reply, 404, 'not-found', 'There is no such route.'),
  });
}
