import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';
import { createTestDatabase, type TestDatabase } from '#test/database';
import { emptyTables, Projecting } from './projecting.js';
import { publishTestRulebook } from './test-rulebook.js';

export interface Staged {
  db: TestDatabase;
  projecting: Projecting;
  /** The version of the test rulebook. */
  rulebook: number;
}

/** A database of this file's own with the test rulebook; empty tables and a new projector before each test. */
export function stageProjection(
  take: (staged: Staged) => void,
  make: (db: TestDatabase) => Projecting = (db) => new Projecting(db),
): void {
  let db: TestDatabase;
  let projecting: Projecting | undefined;
  let rulebook: number;
  beforeAll(async () => {
    db = await createTestDatabase();
    rulebook = await publishTestRulebook(db.pool);
  });
  beforeEach(async () => {
    await projecting?.end();
    await emptyTables(db.pool);
    projecting = make(db);
    take({ db, projecting, rulebook });
  });
  afterAll(async () => {
    await projecting?.end();
    await db?.drop();
  });
}

/** A look at a product a minute ago, unless told otherwise. */
export const eventsAt =
  (now: number) =>
  (name: string, fields: Partial<LeadEvent> = {}): LeadEvent => ({
    id: eventIdOf('test', name),
    type: 'page',
    source: 'test',
    occurredAt: now - 60_000,
    receivedAt: now,
    properties: { path: '/products/a' },
    ...fields,
  });
