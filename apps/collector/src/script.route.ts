import fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { echoOrigin } from './cors.js';
import { sendProblem } from './problem.js';

const folder = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@segment/analytics-next/package.json')),
  'dist/umd',
);

/** The browser SDK (MIT) from our own host: the script tag of the classic snippet, and the pieces it loads later. */
export function registerScript(server: FastifyInstance): void {
  // only names that exist can be asked for: no path from outside reaches the file system
  const names = new Set(fs.readdirSync(folder).filter((name) => name.endsWith('.js')));
  const files = new Map<string, Promise<Buffer>>();
  const read = (name: string) => {
    const file = files.get(name) ?? readFile(path.join(folder, name));
    files.set(name, file);
    return file;
  };
  const serve = async (request: FastifyRequest, reply: FastifyReply, name: string, maxAgeSeconds: number) => {
    echoOrigin(request, reply);
    if (!names.has(name)) return sendProblem(reply, 404, 'not-found', 'There is no such script.');
    const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    const body = await read(zipped ? `${name}.gz` : name);
    if (zipped) reply.header('content-encoding', 'gzip');
    return reply
      .header('vary', 'Origin, Accept-Encoding')
      .header('content-type', 'text/javascript; charset=utf-8')
      .header('cache-control', `public, max-age=${maxAgeSeconds}`)
      .send(body);
  };
  server.get('/analytics.js/v1/:writeKey/analytics.min.js', (request, reply) =>
    serve(request, reply, 'standalone.js', 300),
  );
  for (const route of ['/analytics-next/:name', '/analytics-next/bundles/:name'])
    server.get<{ Params: { name: string } }>(route, (request, reply) =>
      serve(request, reply, request.params.name, 86_400),
    );
}
