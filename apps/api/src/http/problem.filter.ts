import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { classifySqlFailure, DomainError, type FieldError, type Logger } from '#libs/platform';

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors?: FieldError[];
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

const codes: Record<number, string> = {
  400: 'bad-request',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'body-too-large',
  415: 'unsupported-media-type',
};

/** Every refusal is an RFC 9457 problem with a stable `code`; what nobody foresaw is a 500 that shows nothing of its cause. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also for what the router refuses before any route is found. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = this.problemOf(error, request);
    if (problem.status === 500)
      this.log.error({ err: error, code: problem.code, method: request.method }, 'request failed');
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
    if (problem.status === 503)
      this.log.warn({ err: error, code: problem.code, method: request.method }, 'a part is away');
    if (problem.status === 503) void reply.header('retry-after', '5');
    void reply.status(problem.status).header('content-type', 'application/problem+json').send(JSON.stringify(problem));
  }

  private problemOf(error: unknown, request: FastifyRequest): Problem {
    const make = (status: number, code: string, detail: string, errors?: FieldError[]): Problem => ({
      type: `https://leadfold.dev/problems/${code}`,
      title: titles[status] ?? (status >= 500 ? 'Internal Server Error' : 'Error'),
      status,
      detail,
      instance: request.url.split('?')[0]!.slice(0, 200),
      code,
      ...(errors?.length ? { errors } : {}),
    });
    if (error instanceof DomainError) {
      const { status = 422, path, errors } = error.options;
      return make(
        status,
        error.code,
        error.detail,
        errors ?? (path ? [{ path, code: error.code, message: error.detail }] : undefined),
      );
    }
    if (error instanceof HttpException) {
      const status = error.getStatus();
      return make(status, codes[status] ?? `http-${status}`, error.message);
    }
    const fastify = error as { statusCode?: number; code?: string; message?: string };
    if (fastify.statusCode && fastify.statusCode < 500) {
      const code = (fastify.code ?? 'bad-request')
        .toLowerCase()
        .replace(/^fst_err_(ctp_)?/, '')
        .replaceAll('_', '-');
      return make(fastify.statusCode, code, fastify.message ?? 'The request cannot be read.');
    }
    if (classifySqlFailure(error) === 'infrastructure')
      return make(503, 'database-away', 'The database does not answer right now. Try again.');
    return make(500, 'internal', 'Something failed on our side. The log has the details.');
  }
}
