import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** `*` would lose beacons, whose credentials mode is `include`: the origin is echoed. No route sets a cookie. */
export function echoOrigin(request: FastifyRequest, reply: FastifyReply): void {
  const origin = request.headers.origin;
  if (origin === undefined) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('vary', 'Origin');
  reply.header('access-control-allow-credentials', 'true');
  reply.header('access-control-expose-headers', 'Retry-After, X-RateLimit-Reset');
}

export function registerPreflight(server: FastifyInstance): void {
  server.options('/*', (request, reply) => {
    echoOrigin(request, reply);
    return reply
      .status(204)
      .header('vary', 'Origin')
      .header('access-control-allow-methods', 'GET, POST, OPTIONS')
      .header(
        'access-control-allow-headers',
        'authorization, content-type, x-write-key, x-retry-count, anonymousid, sentat',
      )
      .header('access-control-max-age', '7200')
      .send();
  });
}
