import type { Condition } from '#libs/leads/domain';

/** Every node of a condition, itself included, with its path. */
export function* nodesOf(
  node: Condition,
  path: readonly (string | number)[] = [],
): Generator<{ node: Condition; path: readonly (string | number)[] }> {
  yield { node, path };
  if ('all' in node) for (const [index, child] of node.all.entries()) yield* nodesOf(child, [...path, 'all', index]);
  else if ('any' in node)
    for (const [index, child] of node.any.entries()) yield* nodesOf(child, [...path, 'any', index]);
  else if ('not' in node) yield* nodesOf(node.not, [...path, 'not']);
}

export type SegmentOrder = { order: string[] } | { cycle: string[] };

/** Segments in an order in which each comes after those it reads, or the cycle that forbids it. */
export function orderSegments(segments: Record<string, Condition>): SegmentOrder {
  const order: string[] = [];
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (name: string): string[] | undefined => {
    if (done.has(name)) return undefined;
    if (open.includes(name)) return [...open.slice(open.indexOf(name)), name];
    open.push(name);
    for (const { node } of nodesOf(segments[name]!)) {
      if (!('segment' in node) || !Object.hasOwn(segments, node.segment)) continue;
      const cycle = visit(node.segment);
      if (cycle) return cycle;
    }
    open.pop();
    done.add(name);
    order.push(name);
    return undefined;
  };
  for (const name of Object.keys(segments).sort()) {
    const cycle = visit(name);
    if (cycle) return { cycle };
  }
  return { order };
}
