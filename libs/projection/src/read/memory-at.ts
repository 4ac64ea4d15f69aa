import { freshMemory, primaryKeyOf, type LeadMemory, type SubjectKey } from '#libs/leads/domain';
import { mergeMemories } from '../domain/index.js';
import { revisionOf } from '../batch/remember.js';
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
  for (const record of [...decisions].sort(inOrder)) {
    for (; next < joins.length && joins[next]!.batch <= record.batch; next += 1) join(joins[next]!);
    groupOf(primaryKeyOf(record.event)!).memory = recordedIn(record);
  }
  for (const rest of joins.slice(next)) join(rest);
  return [...new Set(groups.values())].reduce((all, { memory }) => mergeMemories(all, memory, rulebook), freshMemory());
}

const inOrder = (a: KnownEvent, b: KnownEvent): number =>
  a.batch - b.batch || revisionOf(recordedIn(a)) - revisionOf(recordedIn(b));

/** Each record carries all that is remembered after it. */
const recordedIn = ({ event }: KnownEvent): LeadMemory => (event as unknown as { memory: LeadMemory }).memory;
