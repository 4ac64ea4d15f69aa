/**
 * What code sends where it has no id: a value that stands for nobody and would make one person of everybody. Compared
 * case-folded, without quotes around it. A real id of one of these spellings has to be prefixed by its sender.
 */
const junk = new Set([
  ...[
    'null',
    'undefined',
    'nil',
    'none',
    'nan',
    'true',
    'false',
    '0',
    '-1',
    'n/a',
    'na',
    'unknown',
    'anonymous',
    'guest',
  ],
  ...['[object object]', 'object', 'id', 'userid', 'user_id', 'user', 'email', 'anonymousid', 'distinct_id'],
  ...['not_authenticated', 'unauthenticated', 'empty', '-', '_', '{}', '[]'],
  '00000000-0000-0000-0000-000000000000',
]);

export const isJunkId = (id: string): boolean =>
  junk.has(
    id
      .trim()
      .replace(/^(["'])(.*)\1$/, '$2')
      .toLowerCase(),
  );
