import 'reflect-metadata';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard } from './access/access.guard.js';
import { ApiModule, type ApiParts } from './api.module.js';
import { buildOpenApi } from './http/openapi.js';
import { ProblemFilter } from './http/problem.filter.js';
import { validationPipe } from './http/validation.pipe.js';

const bodyLimit = 1_048_576;

/** The whole HTTP surface over given parts; not initialised, nothing listens yet. */
export async function createApp(parts: ApiParts): Promise<NestFastifyApplication> {
  const problems = new ProblemFilter(parts.logger);
  const adapter = new FastifyAdapter({
    bodyLimit,
    trustProxy: false,
    routerOptions: { maxParamLength: 600 },
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      problems.answer(error, request, reply),
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.forParts(parts), adapter, {
    logger: false,
    abortOnError: false,
  });
  app.useGlobalFilters(problems);
  app.useGlobalPipes(validationPipe());
  app.useGlobalGuards(new AccessGuard(app.get(Reflector), parts.pool));
  securityHeaders(app);
  acceptOneClickForms(app);
  return app;
}

/** `/docs` to read and `/openapi.json` for programs. Call before the app is initialised. */
export function serveDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, buildOpenApi(app), {
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Leadfold API',
  });
}

/** Answers hold people's data: no cache keeps them, no page frames them, no browser guesses their type. */
function securityHeaders(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onSend', async (_request, reply) => {
      if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
      void reply
        .header('x-content-type-options', 'nosniff')
        .header('x-frame-options', 'DENY')
        .header('referrer-policy', 'no-referrer');
    });
}

/** RFC 8058 lets a mail client post its one click as multipart; what it says is known beforehand, so nothing is parsed. */
function acceptOneClickForms(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (_request, _body, done) =>
      done(null, undefined),
    );
}
