/**
 * A refusal that a caller can act on. `code` is stable and stored by others; `path` names the input field.
 * `status` is the HTTP status the API answers with.
 */
export class DomainError extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    readonly options: { status?: number; path?: string; errors?: FieldError[]; cause?: unknown } = {},
  ) {
    super(`${code}: ${detail}`, { cause: options.cause });
    this.name = 'DomainError';
  }
}

/** One problem with one input field; `path` as in `hot.five-conditions.all.0.within`. */
export interface FieldError {
  path: string;
  code: string;
  message: string;
}

export type SqlFailure = 'data' | 'conflict' | 'infrastructure' | 'other';

/**
 * What a database error means for the record at hand, by SQLSTATE class: `data` is the record's own fault,
 * `conflict` (40001, 40P01) repeats the transaction, `infrastructure` is nobody's fault and retries for ever.
 */
export function classifySqlFailure(error: unknown): SqlFailure {
  const code = sqlStateOf(error);
  if (!code) return isConnectionFailure(error) ? 'infrastructure' : 'other';
  if (code === '40001' || code === '40P01') return 'conflict';
  if (/^(22|23|21|54)/.test(code)) return 'data';
  if (/^(08|40|53|55|57|58)/.test(code)) return 'infrastructure';
  return 'other';
}

export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** node-pg reports a lost connection without a SQLSTATE. */
function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN'].includes(code) ||
    /Connection terminated|connection timeout|timeout expired|Query read timeout|not queryable/i.test(error.message)
  );
}
