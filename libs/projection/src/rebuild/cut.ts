/**
 * What a projection holds: the events of batches up to `until`, but for those that were under way when it was drawn. All
 * that lies before a cut is committed and never changes.
 */
export interface Cut {
  until: number;
  underWay: readonly number[];
}

const list = (ids: readonly number[]): string => `'{${ids.map(Number).join(',')}}'::bigint[]`;

/** As SQL with literals, so that it can stand in a view. */
export const before = (cut: Cut, column: string): string =>
  `(${column} <= ${Number(cut.until)}${cut.underWay.length > 0 ? ` and ${column} <> all (${list(cut.underWay)})` : ''})`;

/** After the one cut, before the other. */
export const between = (from: Cut, to: Cut, column: string): string =>
  `((${column} > ${Number(from.until)} or ${column} = any (${list(from.underWay)})) and ${before(to, column)})`;
