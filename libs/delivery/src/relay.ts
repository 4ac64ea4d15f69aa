import { inShortTransaction, type Logger, type Pool, type PoolClient } from '#libs/platform';
import { createDeliveries } from './delivery.store.js';
import type { CreatedDelivery, Notice, NoticeHandler } from './port.js';

export const outboxChannel = 'leadfold_outbox';
const batchSize = 200;
const restMs = 30_000;

/**
 * Turns each notice, once, into runs and deliveries: the notices, what became of them and `taken_at` commit together.
 * A notice that a handler cannot digest rests a while and holds nobody up.
 */
export class OutboxRelay {
  private readonly resting = new Map<number, number>();

  constructor(
    private readonly options: {
      pool: Pool;
      handlers: NoticeHandler[];
      handOut: { add(created: CreatedDelivery[]): void };
      log: Logger;
      /** Crossings have a relay of their own: an alert waits for nobody's enrolment. */
      takes: 'crossings' | 'others';
    },
  ) {}

  /** One batch. True when there may be more. */
  async take(): Promise<boolean> {
    const now = performance.now();
    for (const [id, until] of this.resting) if (until < now) this.resting.delete(id);
    try {
      return await this.takeSome(batchSize, [...this.resting.keys()]);
    } catch (error) {
      return this.oneByOne(error);
    }
  }

  private async takeSome(limit: number, except: number[]): Promise<boolean> {
    const { created, notices } = await this.transaction(limit, except);
    this.options.handOut.add(created);
    return notices.length === limit;
  }

  /** Three round trips however many handlers there are: lock the notices, ask and enrol, write and commit. */
  private transaction(
    limit: number,
    except: number[],
    onLocked: (notices: Notice[]) => void = () => undefined,
  ): Promise<{ created: CreatedDelivery[]; notices: Notice[] }> {
    return inShortTransaction(
      this.options.pool,
      (client) => this.lockNotices(client, limit, except),
      async (client, notices) => {
        onLocked(notices);
        if (!notices.length) return () => Promise.resolve({ created: [], notices });
        const handled = await this.handle(client, notices);
        return async () => {
          const [made] = await Promise.all([createDeliveries(client, handled.wanted), takeNotices(client, notices)]);
          return { created: [...handled.created, ...made], notices };
        };
      },
    );
  }

  /** Something in the batch failed: find it, put it to rest, take the others. */
  private async oneByOne(cause: unknown): Promise<boolean> {
    const before = this.resting.size;
    for (let i = 0; i < batchSize; i += 1) {
      let current: Notice | undefined;
      try {
        const { created } = await this.transaction(1, [...this.resting.keys()], ([first]) => (current = first));
        this.options.handOut.add(created);
        if (!current) break;
      } catch (error) {
        if (!current) throw error;
        this.resting.set(current.id, performance.now() + restMs);
        this.options.log.error(
          { notice: current.id, kind: current.kind, err: error },
          'notice cannot be handled, resting it',
        );
      }
      // nothing but failures: the database is in trouble, not the notices
      if (this.resting.size - before > 20) throw cause;
    }
    return false;
  }

  private async handle(client: PoolClient, notices: Notice[]) {
    const calls = this.options.handlers.flatMap((handler) => {
      const own = notices.filter((notice) => handler.kinds.includes(notice.kind));
      return own.length ? [handler.handle(client, own)] : [];
    });
    // all have ended before a failure rolls back: nobody writes behind the rollback
    const settled = await Promise.allSettled(calls);
    const handled = settled.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    });
    return {
      created: handled.flatMap((each) => each.created ?? []),
      wanted: handled.flatMap((each) => each.wanted ?? []),
    };
  }

  private async lockNotices(client: PoolClient, limit: number, except: number[]): Promise<Notice[]> {
    const own = this.options.takes === 'crossings' ? "kind = 'crossing'" : "kind <> 'crossing'";
    const taken = await client.query<Notice>(
      `select id, key, kind, name, lead, subject_key as "subjectKey", event, quiet_cause as "quietCause", payload,
         created_at as "createdAt"
       from outbox where taken_at is null and ${own} and id <> all($2::bigint[]) order by id limit $1 for update skip locked`,
      [limit, except],
    );
    return taken.rows;
  }
}

async function takeNotices(client: PoolClient, notices: Notice[]): Promise<void> {
  await client.query('update outbox set taken_at = leadfold_now() where id = any($1::bigint[])', [
    notices.map((notice) => notice.id),
  ]);
}
