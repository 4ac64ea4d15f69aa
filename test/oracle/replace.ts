/** Sets or removes; returns whichever of the old and the new value differs from nothing, if they differ. */
export function replace<T>(rows: Map<string, T>, id: string, value: T | undefined): T | undefined {
  const old = rows.get(id);
  if (value === undefined) rows.delete(id);
  else rows.set(id, value);
  return old === undefined || value === undefined ? (value ?? old) : undefined;
}
