import { createServer, type Server } from 'node:http';
import { mayReadMetrics } from './metrics-access.js';
import { collectDefaultMetrics, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's metrics; `leadfold_` prefixes ours. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  // how long the event loop is held up, looked at twice a second: ten times were half of what an idle process costs
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  return registry;
}

export type Check = () => Promise<{ ok: boolean; detail?: unknown }> | { ok: boolean; detail?: unknown };

/** `/healthz` (alive), `/readyz` (every check), `/metrics` for the processes that serve no other HTTP. */
export async function serveProbe(options: {
  host: string;
  port: number;
  metrics: Registry;
  metricsToken?: string;
  checks: Record<string, Check>;
}): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const path = request.url?.split('?')[0];
    if (path === '/metrics' && !mayReadMetrics(request, options.metricsToken)) answer(404, 'text/plain', 'not found');
    else if (path === '/metrics') {
      options.metrics.metrics().then(
        (text) => answer(200, options.metrics.contentType, text),
        (error: Error) => answer(500, 'text/plain', error.message),
      );
    } else if (path === '/healthz' || path === '/readyz') {
      runChecks(options.checks).then(
        (result) => answer(result.ok ? 200 : 503, 'application/json', JSON.stringify(result)),
        (error: Error) => answer(500, 'text/plain', error.message),
      );
    } else answer(404, 'text/plain', 'not found');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return server;
}

export async function runChecks(checks: Record<string, Check>) {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return [name, await check()] as const;
      } catch (error) {
        return [name, { ok: false, detail: (error as Error).message }] as const;
      }
    }),
  );
  return { ok: results.every(([, r]) => r.ok), checks: Object.fromEntries(results) };
}
