import { z } from 'zod';
import { DomainError } from '#libs/platform';

/** Cursors are opaque: base64url JSON of the last row's sort keys. */
export const encodeCursor = (keys: (string | number | null)[]): string => Buffer.from(JSON.stringify(keys)).toString('base64url');

export function decodeCursor(cursor: string | undefined, length: number): (string | number | null)[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const keys = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown;
    const plain = (key: unknown) => key === null || typeof key === 'string' || typeof key === 'number';
    if (Array.isArray(keys) && keys.length === length && keys.every(plain)) return keys as (string | number | null)[];
  } catch {
    // falls through to the refusal
  }
  throw new DomainError('bad-cursor', 'Use the `nextCursor` of the page before, unchanged.', { status: 400, path: 'cursor' });
}

export const pageQuery = {
  cursor: z.string().max(500).optional().describe('`nextCursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Rows per page, 1 to 200'),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('null on the last page') });
