import type { Condition } from '#libs/leads/domain';
import { nodesOf } from './nodes.js';

/**
 * Segments whose members depend on the stage, directly or through another segment. The stage is decided and not derived,
 * so these stay outside whatever must be the same for every order of events.
 */
export function readersOfStage(segments: Record<string, Condition>): Set<string> {
  const readers = new Set<string>();
  let before = -1;
  while (before !== readers.size) {
    before = readers.size;
    for (const [name, condition] of Object.entries(segments))
      for (const { node } of nodesOf(condition))
        if ('stage' in node || ('segment' in node && readers.has(node.segment))) readers.add(name);
  }
  return readers;
}
