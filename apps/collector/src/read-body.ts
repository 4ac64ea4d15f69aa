import type { FastifyRequest } from 'fastify';
import { limits } from './domain/limits.js';
import type { InFlight } from './parts.js';

export class BodyRefused extends Error {
  constructor(readonly statusCode: 413 | 503) {
    super(statusCode === 413 ? 'the body is too large' : 'too much is under way');
  }
}

/**
 * A body in memory, each piece counted as it arrives. What a request merely announces takes no room: a few hundred
 * connections that promise much and send nothing would otherwise keep everybody else out.
 */
export function bodyReader(inFlight: InFlight) {
  return (
    _request: FastifyRequest,
    payload: FastifyRequest['raw'],
    done: (error: Error | null, body?: Buffer) => void,
  ) => {
    if (Number(payload.headers['content-length'] ?? 0) > limits.batchBytes) return done(new BodyRefused(413));
    const pieces: Buffer[] = [];
    let length = 0;
    const settle = (error: Error | null, body?: Buffer) => {
      payload.off('data', more).off('end', end).off('error', failed);
      done(error, body);
    };
    const more = (piece: Buffer) => {
      length += piece.length;
      if (length > limits.batchBytes) return settle(new BodyRefused(413));
      if (!inFlight.take(payload, piece.length)) return settle(new BodyRefused(503));
      pieces.push(piece);
    };
    const end = () => settle(null, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length));
    const failed = (error: Error) => settle(Object.assign(error, { statusCode: 400 }));
    payload.on('data', more).on('end', end).on('error', failed);
  };
}
