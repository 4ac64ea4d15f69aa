import type { FastifyInstance, FastifyRequest } from 'fastify';
import { echoOrigin } from './cors.js';
import type { CollectorParts } from './parts.js';
import { sendProblem } from './problem.js';
import { keyInHeaders } from './write-key.js';

/** What browser SDKs ask before they send. */
export function registerSettings(server: FastifyInstance, { config, sources }: CollectorParts): void {
  const outside = (request: FastifyRequest): URL =>
    new URL(config.PUBLIC_COLLECTOR_URL ?? `${request.protocol}://${request.host}`);

  server.get<{ Params: { writeKey: string } }>('/v1/projects/:writeKey/settings', async (request, reply) => {
    echoOrigin(request, reply);
    const { writeKey } = request.params;
    if (!(await sources.findFresh(writeKey))) return sendProblem(reply, 404, 'not-found', 'There is no such source.');
    const base = outside(request);
    const anything = { __default: { enabled: true } };
    return reply.header('cache-control', 'public, max-age=120').send({
      integrations: {
        'Segment.io': {
          apiKey: writeKey,
          apiHost: `${base.host}${base.pathname.replace(/\/$/, '')}/v1`,
          protocol: base.protocol.slice(0, -1),
        },
      },
      plan: { track: anything, identify: anything, group: anything },
      edgeFunction: {},
      analyticsNextEnabled: true,
      middlewareSettings: {},
      enabledMiddleware: {},
      // 0 keeps the SDK from reporting to its maker
      metrics: { sampleRate: 0 },
      legacyVideoPluginsEnabled: false,
      remotePlugins: [],
    });
  });

  server.get<{ Querystring: { writeKey?: string } }>('/sourceConfig', async (request, reply) => {
    echoOrigin(request, reply);
    const writeKey = keyInHeaders(request) ?? request.query.writeKey ?? '';
    const source = await sources.findFresh(writeKey);
    if (!source) return sendProblem(reply, 401, 'unknown-write-key', 'No write key, or none that is in force.');
    const off = { enabled: false };
    return reply.send({
      source: {
        id: source.id,
        name: source.id,
        writeKey,
        enabled: true,
        workspaceId: 'leadfold',
        config: { statsCollection: { errors: off, metrics: off } },
        destinations: [],
        connections: [],
        dataplanes: {},
      },
      updatedAt: new Date(0).toISOString(),
    });
  });

  // analytics-next reports on itself; nobody here reads that
  server.post('/v1/m', (request, reply) => {
    echoOrigin(request, reply);
    return reply.header('content-type', 'application/json').send('{"success":true}');
  });
}
