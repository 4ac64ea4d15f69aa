import type { FastifyReply } from 'fastify';

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** RFC 9457; `code` is stable, `path` names the field. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  path?: string,
): FastifyReply {
  return (
    reply
      .status(status)
      .header('content-type', 'application/problem+json')
      // as bytes: to a string Fastify would add a charset, which this media type does not have
      .send(
        Buffer.from(
          JSON.stringify({
            type: `https://leadfold.dev/problems/${code}`,
            title: titles[status] ?? 'Error',
            status,
            detail,
            code,
            ...(path !== undefined && { errors: [{ path, code, message: detail }] }),
          }),
        ),
      )
  );
}
