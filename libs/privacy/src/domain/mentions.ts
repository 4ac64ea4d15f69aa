const wordlike = /[a-z0-9_@]/;

/**
 * Whether a text names one of these, whatever the case. Latin names count as whole words only, so that `main:4` is not found
 * in `main:42`; Japanese ones stand between other characters.
 */
export function mentions(text: string, names: readonly string[]): boolean {
  const folded = text.toLowerCase();
  return names.some((name) => name !== '' && standsIn(folded, name.toLowerCase()));
}

function standsIn(text: string, name: string): boolean {
  const touches = (inside: string, outside: string | undefined): boolean =>
    outside !== undefined && wordlike.test(inside) && wordlike.test(outside);
  const address = name.includes('@');
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const end = at + name.length;
    const longer = address && (/[.%+-]$/.test(text.slice(0, at)) || /^(-|\.[a-z0-9])/.test(text.slice(end)));
    if (!longer && !touches(name[0]!, text[at - 1]) && !touches(name.at(-1)!, text[end])) return true;
  }
  return false;
}

/** The same of an address, as PostgreSQL's regular expression over a lower-case text. */
export const addressPattern = (address: string): string =>
  `(^|[^a-z0-9_@.%+-])${address.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}($|[^a-z0-9_@.-]|\\.($|[^a-z0-9]))`;

/** Bytes that may be no text at all, with names as they would stand in them. */
export const bytesMention = (bytes: Buffer | null, names: readonly string[]): boolean =>
  bytes !== null &&
  mentions(
    bytes.toString('latin1'),
    names.map((name) => Buffer.from(name, 'utf8').toString('latin1')),
  );
