import { ConfigError } from './config.js';
import { DomainError } from './domain/index.js';

/**
 * Until the returned function is called, whatever keeps a process from starting is said in one line that a person can
 * act on, and the process ends with 1. Only what nobody foresaw shows its stack.
 */
export function explainFailedStart(service: string): () => void {
  const refuse = (error: unknown) => {
    process.stderr.write(`${service} cannot start: ${reasonOf(error)}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', refuse);
  process.on('unhandledRejection', refuse);
  return () => {
    process.off('uncaughtException', refuse);
    process.off('unhandledRejection', refuse);
  };
}

const advice: Record<string, string> = {
  EADDRINUSE: 'another process listens there; stop it or choose another port',
  EACCES: 'this user may not',
  ECONNREFUSED: 'nothing listens there; is the service running?',
  ENOTFOUND: 'no such host',
  '28P01': 'the password is wrong',
  '3D000': 'there is no such database',
};

export function reasonOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof DomainError) return error.message;
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: Error[] };
  if (typeof code !== 'string') return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = (error as Error).message || errors?.map((one) => one.message).join('; ') || code;
  return advice[code] ? `${message} (${advice[code]})` : message;
}
