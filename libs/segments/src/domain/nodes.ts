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
