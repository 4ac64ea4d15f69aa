import { freshMemory, primaryKeyOf, type LeadMemory, type SubjectKey } from '#libs/leads/domain';
import { mergeMemories, type Decision } from '../domain/index.js';
import type { Rulebook } from '../projection-context.js';
import type { HistoryAt, Join } from './history-at.js';
import type { KnownEvent } from './past-events.query.js';

/** What was decided, read back from the record: decisions are told, never made again. */
export function memoryAt({ decisions, joins }: Pick<HistoryAt, 'decisions' | 'joins'>, rulebook: Rulebook): LeadMemory {
  const groups = new Map<SubjectKey, { memory: LeadMemory; keys: SubjectKey[] }>();
  const groupOf = (key: SubjectKey) => {
    const known = groups.get(key) ?? { memory: freshMemory(), keys: [key] };
    groups.set(key, known);
    return known;
  };
  const join = ({ a, b }: Join): void => {
    const [left, right] = [groupOf(a), groupOf(b)];
    if (left === right) return;
    left.memory = mergeMemories(left.memory, right.memory, rulebook);
    for (const key of right.keys) groups.set(key, left);
    left.keys.push(...right.keys);
  };
  // a batch learns who is who before it decides
  let next = 0;
  for (const { event, batch } of [...decisions].sort(inOrder)) {
    for (; next < joins.length && joins[next]!.batch <= batch; next += 1) join(joins[next]!);
    const group = groupOf(primaryKeyOf(event)!);
    group.memory = remember(group.memory, event as unknown as Decision);
  }
  for (const rest of joins.slice(next)) join(rest);
  return [...new Set(groups.values())].reduce((all, { memory }) => mergeMemories(all, memory, rulebook), freshMemory());
}

const inOrder = (a: KnownEvent, b: KnownEvent): number =>
  a.batch - b.batch || a.event.occurredAt - b.event.occurredAt || seqOf(a) - seqOf(b);
const seqOf = ({ event }: KnownEvent): number => (event as unknown as Decision).seq;

function remember(memory: LeadMemory, { decision, name, to, epoch, seq }: Decision): LeadMemory {
  if (decision === 'hot') return { ...memory, armed: false, epoch };
  if (decision === 'rearm') return { ...memory, armed: true, epoch };
  const counted = { ...memory, seq };
  if (decision === 'stage') return { ...counted, stage: to };
  const others = memory.segments.filter((one) => one !== name);
  return { ...counted, segments: to === null ? others : [...others, name].sort() };
}
