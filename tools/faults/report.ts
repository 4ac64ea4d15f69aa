import pc from 'picocolors';
import type { RunReport } from './run.js';
import type { Stage } from './stage.js';

/** The run in numbers. */
export function reportRun(report: RunReport, stage: Stage, print: (text: string) => void): void {
  const { struck, recorder, operators, deliveries } = report;
  const sent = [...recorder.byId.values()];
  const attempts = sent.reduce((total, one) => total + one.attempts, 0);
  const counts = (map: ReadonlyMap<unknown, number>): string =>
    [...map].map(([what, count]) => `${String(what)} × ${count}`).join(', ') || 'none';
  const rows: [string, string][] = [
    [
      'events',
      `${recorder.acceptedIds().length} accepted of ${sent.length} ids, ${attempts} deliveries to the collector in ${report.loadSeconds.toFixed(0)} s`,
    ],
    ['answers', `${counts(recorder.statuses)}; without an answer: ${counts(recorder.lost)}`],
    ['api', `${operators.accepted.length} facts stated; ${counts(operators.answers)}; ${operators.lost} calls lost`],
    [
      'kill -9',
      Object.entries(struck.kills)
        .map(([app, kills]) => `${app} ${kills}`)
        .join(', ') + `; ${struck.killsPastHandOff} with a message past its hand-off`,
    ],
    [
      'restarts',
      Object.entries(report.restarts)
        .map(([app, restarts]) => `${app} ${restarts}`)
        .join(', '),
    ],
    [
      'services',
      `PostgreSQL crashed ${struck.postgresCrashes} ×, Kafka restarted ${struck.kafkaRestarts} ×, FLUSHALL ${struck.redisFlushes} ×, Redis away ${struck.redisAwayMs / 1000} s`,
    ],
    ['leads', `${report.leads} leads, ${report.crossings} loud crossings`],
    [
      'outside',
      `${deliveries.mails} nurture mails, ${deliveries.alerts} alerts sent, ${deliveries.repeats} repeats, ${deliveries.unknown} unknown`,
    ],
  ];
  print('');
  for (const [name, text] of rows) print(`  ${pc.bold(name.padEnd(9))} ${text}`);
  for (const [app, lines] of stage.errors) {
    print(pc.yellow(`\n  ${app} logged ${lines.length} errors, by kind:`));
    const kinds = new Map<string, number>();
    for (const line of lines) kinds.set(kindOf(line), (kinds.get(kindOf(line)) ?? 0) + 1);
    for (const [kind, count] of [...kinds].sort((a, b) => b[1] - a[1]).slice(0, 8))
      print(pc.dim(`    ${String(count).padStart(4)} × ${kind.slice(0, 200)}`));
  }
}

function kindOf(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return `${msg ?? ''}${err?.message ? `: ${err.message}` : ''}`;
  } catch {
    return line.trim();
  }
}
