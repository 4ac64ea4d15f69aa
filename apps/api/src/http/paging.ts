import { z } from 'zod';
import { DomainError } from '#libs/platform';

/** Cursors are opaque: base64url JSON of the last row's sort keys. */
export const encodeCursor = (keys: (string | number | null)[]): string =>
  Buffer.from(JSON.stringify(keys)).toString('base64url');

/** Milliseconds, within the years that events may have. */
export const instant = z.int().min(0).max(Date.UTC(2101, 0));

/** A cursor is checked like any other input: whoever forges one gets a refusal, not a failed query. */
export function decodeCursor<T extends z.ZodType>(cursor: string | undefined, keys: T): z.infer<T> | undefined {
  if (cursor === undefined) return undefined;
  const parsed = keys.safeParse(jsonOf(cursor));
  if (parsed.success) return parsed.data;
  throw new DomainError('bad-cursor', 'Use the `nextCursor` of the page before, unchanged.', {
    status: 400,
    path: 'cursor',
  });
}

function jsonOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

export const pageQuery = {
  cursor: z.string().max(500).optional().describe('`nextCursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Rows per page, 1 to 200'),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('null on the last page') });
