import type { FieldError } from '#libs/platform';

const maxDepth = 100;

/** What PostgreSQL cannot store (NUL, lone surrogates) and what is nested beyond any use; walked without recursion. */
export function badInput(input: unknown): FieldError | undefined {
  const rest: { value: unknown; path: string; depth: number }[] = [{ value: input, path: '', depth: 0 }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { value, path, depth } = next;
    if (typeof value === 'string') {
      if (isUnstorable(value)) return { path, code: 'bad-text', message: 'holds NUL or half of a surrogate pair' };
      continue;
    }
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= maxDepth)
      return { path: path.slice(0, 200), code: 'too-deep', message: `is nested more than ${maxDepth} levels` };
    for (const [key, member] of Object.entries(value)) {
      if (isUnstorable(key))
        return { path, code: 'bad-text', message: 'a name in it holds NUL or half of a surrogate pair' };
      rest.push({ value: member, path: path ? `${path}.${key}` : key, depth: depth + 1 });
    }
  }
  return undefined;
}

const isUnstorable = (text: string): boolean => text.includes('\0') || /\p{Surrogate}/u.test(text);
