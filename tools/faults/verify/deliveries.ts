import type { Pool } from '#libs/platform';
import type { Findings } from '../findings.js';
import type { Outside } from '../outside.js';
import type { Struck } from '../schedule.js';

interface DeliveryRow {
  id: string;
  key: string;
  purpose: 'nurture' | 'alert';
  channel: string;
  recipient: string | null;
  run: string | null;
  step: string | null;
  crossing: string | null;
  state: string;
  reason: string | null;
  attempt: number;
  repeats: number;
}

export interface DeliveryCounts {
  mails: number;
  alerts: number;
  repeats: number;
  unknown: number;
}

/** Attempts under way in one worker at the most, over all lanes. */
const concurrency = 64;

/** I17 to I21: compares the ledger with what the world outside really received. */
export async function verifyDeliveries(
  pool: Pool,
  outside: Outside,
  struck: Struck,
  findings: Findings,
): Promise<DeliveryCounts> {
  const { rows } = await pool.query<DeliveryRow>(
    'select id, key, purpose, channel, recipient, run, step, crossing, state, reason, attempt, repeats from delivery',
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const received = tally([...outside.mailedDeliveries(), ...outside.alerts.map((alert) => alert.id)]);
  const copiesOf = (row: DeliveryRow): number => received.get(row.id) ?? 0;
  const nurture = rows.filter((row) => row.purpose === 'nurture');
  const alerts = rows.filter((row) => row.purpose === 'alert');

  findings.none(
    'nothing arrived that the ledger does not know',
    [...received.keys()].filter((id) => !byId.has(id)),
  );
  findings.none('no webhook had a wrong signature', outside.badSignatures, `${outside.alerts.length} verified`);
  const copies = tally(
    nurture.flatMap((row) => Array<string>(copiesOf(row)).fill(`${row.recipient} ${row.run} ${row.step}`)),
  );
  findings.none(
    'I19: no recipient got two copies of one mail',
    [...copies].filter(([, count]) => count > 1),
    `${[...copies.values()].reduce((a, b) => a + b, 0)} mails`,
  );
  const idsPerCrossing = new Map<string, Set<string>>();
  for (const { crossing, id } of outside.alerts)
    idsPerCrossing.set(crossing, (idsPerCrossing.get(crossing) ?? new Set()).add(id));
  findings.none(
    'I17: no alert arrived under two ids',
    [...idsPerCrossing].filter(([, ids]) => ids.size > 1).map(([crossing]) => crossing),
    `${idsPerCrossing.size} crossings alerted`,
  );
  const repeated = alerts.filter((row) => copiesOf(row) > 1);
  findings.none(
    'I17: an alert was repeated only after a death past its hand-off',
    repeated.filter((row) => copiesOf(row) - 1 > row.repeats),
    `${repeated.length} repeated, with the same id`,
  );
  const deaths = struck.kills.worker + struck.postgresCrashes;
  const repeats = rows.reduce((total, row) => total + row.repeats, 0);
  findings.check(
    'repeats are at most deaths × concurrency',
    repeats <= deaths * concurrency,
    `${repeats} of ${deaths} × ${concurrency}`,
  );

  const visible = rows.filter((row) => row.channel !== 'slack');
  findings.none(
    'I21: whatever is sent was received',
    visible.filter((row) => row.state === 'sent' && copiesOf(row) === 0),
    `${rows.filter((row) => row.state === 'sent').length} sent`,
  );
  findings.none(
    'I21: whatever was received is sent or unknown',
    visible.filter((row) => copiesOf(row) > 0 && !['sent', 'unknown'].includes(row.state)),
  );
  const slack = alerts.filter((row) => row.channel === 'slack' && row.state === 'sent');
  findings.check(
    'I21: Slack has a message for each alert that was sent there',
    outside.slackTexts.length >= slack.length,
    `${outside.slackTexts.length} for ${slack.length}`,
  );
  const open = rows.filter((row) => row.state === 'pending' || row.state === 'sending');
  findings.none(
    'I18: no alert is left open',
    open.filter((row) => row.purpose === 'alert'),
  );
  const late = await pool.query(
    "select id, state, due_at, limit_at from delivery where (state = 'pending' and limit_at <= leadfold_now()) or (state = 'sending' and lease_until < leadfold_now())",
  );
  findings.none('nothing is pending past its limit, no lease is forgotten', late.rows);
  const unknown = rows.filter((row) => row.state === 'unknown');
  findings.none(
    'I17: no alert ends as unknown',
    unknown.filter((row) => row.purpose === 'alert'),
  );
  findings.check(
    'I21: unknown mails are at most deaths × concurrency',
    unknown.length <= deaths * concurrency,
    `${unknown.length} of ${deaths} × ${concurrency}`,
  );
  for (const row of unknown)
    findings.check(
      `  unknown: ${row.key}`,
      row.reason !== null,
      `${row.reason}, ${copiesOf(row) ? 'was received' : 'was not received'}`,
    );
  const failed = rows.filter((row) => row.state === 'failed');
  findings.none(
    'nothing failed: the world outside took everything',
    failed.map((row) => `${row.key} ${row.reason}`),
  );
  return {
    mails: nurture.reduce((total, row) => total + copiesOf(row), 0),
    alerts: alerts.filter((row) => row.state === 'sent').length,
    repeats,
    unknown: unknown.length,
  };
}

function tally(values: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
