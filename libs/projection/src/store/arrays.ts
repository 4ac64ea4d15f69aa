/** PostgreSQL array literals for `unnest($1::text[])`: several times cheaper than the driver's own conversion of arrays. */
export type TextValue = string | null | undefined;

export function textArray(values: readonly TextValue[]): string {
  let literal = '{';
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (index > 0) literal += ',';
    literal += value === null || value === undefined ? 'NULL' : quote(value);
  }
  return literal + '}';
}

const special = /["\\]/;
const quote = (value: string): string => (special.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`);

/** For ids, numbers and booleans, which need no quoting. */
export const plainArray = (values: readonly (string | number | boolean | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : String(value))).join(',')}}`;

/** A raw control character cannot stand in valid JSON text, so JSON documents are joined by it and need no escaping. */
const separator = '\x01';
export const joinJson = (documents: readonly string[]): string => documents.join(separator);
/** The SQL that takes `joinJson` apart again. */
export const splitJson = (parameter: string): string => `string_to_array(${parameter}, E'\\x01')`;
