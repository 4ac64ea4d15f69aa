import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Notice } from '#libs/delivery';
import { alertReader } from '#libs/handoff';
import { alertContent } from '#libs/handoff/domain';
import { newId } from '#libs/platform';
import { ensureDefaultRulebook } from '#libs/projection';
import { createTestDatabase, type TestDatabase } from '#test/database';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await ensureDefaultRulebook(db.pool);
});
afterAll(() => db.drop());

test('an alert tells who, why, the score and the last three actions of the lead as it is stored', async () => {
  const at = Date.now();
  const stamped = (value: string | number) => ({ value, at, event: newId() });
  const profile = {
    displayName: stamped('田中 太郎'),
    'company.name': stamped('アクメ株式会社'),
    jobTitle: stamped('部長'),
    position: stamped('manager'),
    'company.employees': stamped(300),
  };
  const made = await db.pool.query<{ id: number }>(
    "insert into lead (id, state) values (nextval('lead_id_seq'), $1) returning id",
    [JSON.stringify({ profile, consent: {}, counters: {} })],
  );
  const lead = made.rows[0]!.id;
  await db.pool.query("insert into subject_key (key, lead) values ('e:taro@example.com', $1)", [lead]);
  for (let i = 0; i < 5; i += 1)
    await db.pool.query(
      `insert into event (id, kind, type, source, email, occurred_at, received_at, batch, body)
       values ($1, 'behaviour', 'page', 'web', 'taro@example.com', $2, $2, 1, $3)`,
      [newId(), new Date(at - i * 60_000), JSON.stringify({ name: `Page ${i}`, properties: { path: `/p${i}` } })],
    );
  const notice: Notice = {
    id: 1,
    key: 'k',
    kind: 'crossing',
    name: 'hot',
    lead,
    subjectKey: 'e:taro@example.com',
    event: newId(),
    quietCause: null,
    payload: { rules: ['five-conditions'], epoch: 1 },
    createdAt: new Date(at),
  };
  const client = await db.pool.connect();
  const [input] = await alertReader({ locale: 'ja', apiUrl: 'https://api.example.com' })(client, [notice]);
  client.release();
  expect(input).toMatchObject({
    lead,
    who: { name: '田中 太郎', company: 'アクメ株式会社', position: '部長', email: 'taro@example.com' },
  });
  expect(input!.score.fit).toBeGreaterThan(0);
  expect(input!.lines.reduce((sum, line) => sum + line.points, 0)).toBe(input!.score.total);
  expect(input!.actions.map((action) => action.at)).toEqual([at, at - 60_000, at - 120_000]);
  expect(input!.rules[0]!.conditions.length).toBeGreaterThan(0);
  const content = alertContent(input!, 'ja');
  expect(content.reason).toContain('アクメ株式会社 田中 太郎さん');
});
