import { topics, type EventLog } from '#libs/event-log';
import { eventIdOf, type Pool } from '#libs/platform';
import type { Findings } from '../findings.js';
import type { Recorder } from '../recorder.js';

export interface IngestFacts {
  pool: Pool;
  eventLog: EventLog;
  source: string;
  recorder: Recorder;
  /** Ids of facts that the api answered for. */
  stated: string[];
  /** Records put on the log that no projector can read, by their ids. */
  poison: string[];
  /** Events of this source that others than the recorded senders sent. */
  others?: ReadonlySet<string>;
}

/** I1, I2, I4: every accepted id once, nothing twice, every record accounted for. */
export async function verifyIngest(facts: IngestFacts, findings: Findings): Promise<void> {
  const { pool, eventLog, source, recorder, stated, poison } = facts;
  const stored = new Set(
    (await pool.query<{ id: string }>("select id from event where kind <> 'decision'")).rows.map((row) => row.id),
  );
  const quarantined = (
    await pool.query<{ id: string | null }>("select headers->>'ce_id' as id from quarantine")
  ).rows.map((row) => row.id ?? '');
  const held = (id: string): number => (stored.has(id) ? 1 : 0) + quarantined.filter((other) => other === id).length;

  const accepted = recorder.acceptedIds().map((messageId) => eventIdOf(source, messageId));
  findings.none(
    'I1: every accepted event is in event or quarantine, once',
    accepted.filter((id) => held(id) !== 1),
    `${accepted.length} accepted`,
  );
  findings.none(
    'I1: every fact the api answered for is there, once',
    stated.filter((id) => held(id) !== 1),
    `${stated.length} stated`,
  );
  findings.none(
    'I1: every unreadable record is in quarantine, once',
    poison.filter((id) => held(id) !== 1),
    `${poison.length} of ${quarantined.length}`,
  );
  const lost = await pool.query<{ event: string }>(
    'select f.event from fact_outbox f where not exists (select 1 from event e where e.id = f.event)',
  );
  const told = await pool.query<{ n: number }>('select count(*) as n from fact_outbox');
  findings.none('I1: every fact of worker and api came back through the log', lost.rows, `${told.rows[0]!.n} facts`);

  const known = new Set([...recorder.byId.keys()].map((messageId) => eventIdOf(source, messageId)));
  const strangers = await pool.query<{ id: string }>('select id from event where source = $1', [source]);
  findings.none(
    'nothing is stored that nobody sent',
    strangers.rows.filter(({ id }) => !known.has(id) && !facts.others?.has(id)),
  );
  const twice = await pool.query('select id, count(*) from event group by id having count(*) > 1');
  const unanswered = [...recorder.byId].filter(([, sent]) => !sent.accepted && !sent.rejected);
  findings.none(
    'I2: no id is there twice, answered or not',
    twice.rows,
    `${unanswered.length} ids never answered with success`,
  );
  const rejected = [...recorder.byId]
    .filter(([, sent]) => sent.rejected)
    .map(([messageId]) => eventIdOf(source, messageId));
  findings.none(
    'I7: nothing that was rejected is stored',
    rejected.filter((id) => stored.has(id)),
    `${rejected.length} rejected`,
  );

  await verifyOffsets(pool, eventLog, stored.size, quarantined.length, findings);
}

async function verifyOffsets(
  pool: Pool,
  eventLog: EventLog,
  stored: number,
  quarantined: number,
  findings: Findings,
): Promise<void> {
  const offsets = (
    await pool.query<
      Record<
        'next' | 'consumed' | 'stored' | 'quarantined' | 'duplicates' | 'dropped' | 'conflicts' | 'partition',
        number
      > & { topic: string; stopped: string | null }
    >('select * from partition_offset order by topic, partition')
  ).rows;
  const name = (row: { topic: string; partition: number }): string => `${row.topic}/${row.partition}`;
  findings.none(
    'I4: consumed = stored + quarantined + duplicates + dropped, per partition',
    offsets.filter((row) => row.consumed !== row.stored + row.quarantined + row.duplicates + row.dropped),
    `${sum(offsets, 'consumed')} = ${sum(offsets, 'stored')} + ${sum(offsets, 'quarantined')} + ${sum(offsets, 'duplicates')} + ${sum(offsets, 'dropped')}`,
  );
  const ends = new Map(
    (await Promise.all(Object.values(topics).map((topic) => eventLog.bounds(topic))))
      .flat()
      .map((bounds) => [name(bounds), bounds.end]),
  );
  const unlike = offsets.filter((row) => ends.get(name(row)) !== row.next || row.consumed !== row.next);
  findings.none(
    'I4, I11: each offset stands at the end of its log, and each record was consumed once',
    unlike.map((row) => `${name(row)} ${row.next} of ${ends.get(name(row))}`),
    `${offsets.length} partitions`,
  );
  findings.check(
    'I4: the counters say what the tables hold',
    sum(offsets, 'stored') === stored && sum(offsets, 'quarantined') === quarantined,
    `${stored} stored, ${quarantined} quarantined`,
  );
  findings.none('I5: no id came with two bodies', offsets.filter((row) => row.conflicts > 0).map(name));
  findings.none(
    'no partition is stopped',
    offsets.filter((row) => row.stopped).map((row) => `${name(row)}: ${row.stopped}`),
  );
}

const sum = <K extends string>(rows: Record<K, number>[], column: K): number =>
  rows.reduce((total, row) => total + row[column], 0);
