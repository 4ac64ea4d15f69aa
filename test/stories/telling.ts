import { alertReader, AlertReactor, handoffConfig } from '#libs/handoff';
import { stateHash, type LeadEvent, type LeadState, type SubjectKey } from '#libs/leads/domain';
import { driveClock, eventIdOf, parseConfig } from '#libs/platform';
import {
  ensureDefaultRulebook,
  explainAt,
  liveRulebook,
  look,
  lookHashable,
  presentKeys,
  readLead,
  reviewDue,
  type ExplainedAt,
} from '#libs/projection';
import { startActing, type Acting } from '#test/acting';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { HttpSink } from '#test/sinks';
import { until } from '#test/until';
import { Projecting } from '../projection/projecting.js';

/** `2026-05-12 10:00` as a clock in Tokyo shows it, ms. */
export const tokyo = (text: string): number => Date.parse(`${text.replace(' ', 'T')}:00+09:00`);

/** What somebody does: an event without its id and times. */
export type Deed = Partial<LeadEvent> & Pick<LeadEvent, 'type'>;

let serial = 0;
export const happened = (at: number, deed: Deed, story = 'story'): LeadEvent => ({
  id: eventIdOf(story, `${serial++}`),
  source: story,
  occurredAt: at,
  receivedAt: at,
  properties: {},
  ...deed,
});

const secret = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;

/** Virtual time for the whole system: a database of its own whose clock is driven, real batches, reviews and alerts. */
export class Telling {
  now = 0;

  private constructor(
    readonly db: TestDatabase,
    readonly projecting: Projecting,
    private readonly hook: HttpSink,
    private readonly acting: Acting,
  ) {}

  static async begin(at: number): Promise<Telling> {
    const db = await createTestDatabase();
    await driveClock(db.pool, new Date(at));
    await ensureDefaultRulebook(db.pool);
    const hook = await new HttpSink().start();
    const env = { ALERT_WEBHOOK_URL: `${hook.url}/alerts`, ALERT_WEBHOOK_SECRETS: secret, ALERT_LOCALE: 'en' };
    const reader = alertReader({ locale: 'en', apiUrl: 'http://127.0.0.1' });
    const acting = await startActing(db, env, {
      handlers: [new AlertReactor(parseConfig(handoffConfig, env), reader)],
    });
    await db.pool.query(
      "insert into listener (kind, name, wanted_by) values ('crossing', 'hot', 'handoff') on conflict do nothing",
    );
    const telling = new Telling(db, new Projecting(db), hook, acting);
    telling.now = at;
    return telling;
  }

  /** Every midnight on the way is reviewed, as the projector does by itself. */
  async goTo(at: number): Promise<void> {
    const { zone } = this.projecting.context;
    for (let day = zone.localDay(this.now) + 1; zone.dayStart(day) <= at; day += 1) {
      await driveClock(this.db.pool, new Date(zone.dayStart(day)));
      await reviewDue(this.projecting.pool, this.projecting.context);
    }
    this.now = at;
    await driveClock(this.db.pool, new Date(at));
    await reviewDue(this.projecting.pool, this.projecting.context);
  }

  async happen(...deeds: Deed[]): Promise<LeadEvent[]> {
    const events = deeds.map((deed) => happened(this.now, deed));
    await this.projecting.apply(events);
    return events;
  }

  async explain(key: SubjectKey, at = this.now): Promise<ExplainedAt> {
    return (await explainAt(this.db.pool, this.projecting.context, { key }, { at, knowledge: 'now' }, 'en'))!;
  }

  /** As the list of leads shows it: stored, not looked at again. */
  async standing(
    key: SubjectKey,
  ): Promise<{ temperature: string; stage: string | null; epoch: number; armed: boolean }> {
    const lead = (await readLead(this.db.pool, { key }))!;
    const rank = await this.db.pool.query<{ temperature: string; stage: string | null }>(
      'select temperature, stage from lead_rank where lead = $1',
      [lead.id],
    );
    const { epoch, armed } = lead.memory;
    return { ...rank.rows[0]!, epoch, armed };
  }

  /** The sentences that sales has received, once nothing waits to be sent any more. */
  async alerts(): Promise<string[]> {
    await until('every alert has ended', async () => {
      const { rows } = await this.db.pool.query<{ open: number }>(
        `select (select count(*) from outbox where taken_at is null) + (select count(*) from delivery where state in ('pending', 'sending')) as open`,
      );
      return rows[0]!.open === 0;
    });
    return this.hook.received.map(({ body }) => (JSON.parse(body) as { data: { reason: string } }).data.reason);
  }

  async end(): Promise<void> {
    await this.acting.stop();
    await this.hook.stop();
    await this.projecting.end();
    await this.db.drop();
  }
}

/** The state hashes of every lead at a stated instant. */
export async function hashesOf(projecting: Projecting, now: number): Promise<string[]> {
  const { pool } = projecting;
  const rulebook = await liveRulebook(pool);
  const { rows } = await pool.query<{ id: number; state: LeadState }>(
    'select id, state from lead where merged_into is null',
  );
  const keys = await presentKeys(
    pool,
    rows.map((row) => row.id),
  );
  const memory = { hot: false, armed: true, epoch: 0, stage: null, segments: [] };
  return rows
    .flatMap(({ id, state }) =>
      keys.has(id) ? [stateHash(keys.get(id)!, state, lookHashable(look(state, rulebook, memory, now), rulebook))] : [],
    )
    .sort();
}
