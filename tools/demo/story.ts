import pc from 'picocolors';
import type { System } from '../supervisor/system.js';
import { readMailbox } from './api-client.js';
import type { LiveResult, Stage } from './play.js';
import { readTheMail } from './read-mail.js';

interface Line {
  label: string;
  points: number;
}

interface ScoreAnswer {
  score: number;
  lines: Line[];
  engagement: { total: number; lines: (Line & { count: number | null })[] };
  fit: { total: number; lines: { text: string; points: number }[] };
}

interface Page<T> {
  items: T[];
}

/** Everything the demo says happened, asked of the running system from outside. */
export async function checkTheStory(
  stage: Stage,
  mailboxUrl: string | undefined,
  live: LiveResult,
  events: number,
): Promise<void> {
  const { api, claims, sink } = stage;
  const ref = encodeURIComponent(`e:${live.email}`);
  stage.print(pc.bold('\n3  Checked'));
  const lead = await api.get<{ temperature: string; hotRules: string[]; epoch: number; stage: string | null }>(
    `/v1/leads/${ref}`,
  );
  claims.check('the lead is hot', lead.temperature === 'hot', lead.hotRules.join(', '));
  const timeline = await api.get<Page<{ type: string }>>(`/v1/leads/${ref}/timeline`, { limit: 200 });
  const facts = timeline.items.filter((entry) => ['page', 'track'].includes(entry.type)).length;
  claims.check(
    'the whole visit is in the timeline, the anonymous part included',
    facts >= live.messageIds.length,
    `${facts} events`,
  );
  const score = await api.get<ScoreAnswer>(`/v1/leads/${ref}/score`, { locale: 'en' });
  const tenths = (lines: { points: number }[]) =>
    lines.reduce((total, line) => total + Math.round(line.points * 10), 0);
  const sums = [
    [score.lines, score.score],
    [score.engagement.lines, score.engagement.total],
    [score.fit.lines, score.fit.total],
  ] as const;
  const exact = sums.every(([lines, total]) => tenths([...lines]) === Math.round(total * 10));
  const count = score.engagement.lines.length + score.fit.lines.length;
  claims.check(
    'the explanation’s lines sum to the score, to the tenth, at every level',
    exact,
    `${count} lines, ${score.score} points`,
  );
  const alerts = sink.alerts.filter(({ body }) => JSON.stringify(body).includes(live.email));
  claims.check(
    'one signed alert, under one id',
    new Set(alerts.map((alert) => alert.webhookId)).size === 1 && alerts.length === 1,
    `${alerts.length} received`,
  );
  claims.check(
    'the alert came within a second of the request',
    live.alertMs <= 1_000,
    `${Math.round(live.alertMs)} ms`,
  );
  claims.check('no alert had a wrong signature', sink.refused.length === 0);
  const quiet = new Set(
    sink.alerts.filter(({ body }) => !JSON.stringify(body).includes(live.email)).map((alert) => alert.webhookId),
  );
  claims.check('weeks-old behaviour alerted nobody', quiet.size === 0, `${events} events of history`);
  await claims.eventually(
    'Slack has the same news',
    async () => ({
      holds: sink.slackTexts.some((text) => text.includes('田中')),
      seen: `${sink.slackTexts.length} messages`,
    }),
    10_000,
  );
  if (!mailboxUrl) return;
  await readTheMail(stage, mailboxUrl, live.email);
  await claims.eventually(
    'the alert lies in sales’ mailbox too',
    async () => {
      const mails = await readMailbox(mailboxUrl, 'sales@kazahaya.example');
      const mail = mails.find((one) => `${one.html} ${one.text}`.includes(live.email));
      return { holds: mail !== undefined, ...(mail ? { seen: mail.subject } : {}) };
    },
    20_000,
  );
}

/** What happened, and where to look. */
export async function tellTheStory(stage: Stage, system: System, live: LiveResult): Promise<void> {
  const funnel = await stage.api.get<{
    stages: { stage: string | null; leads: number; visitors: number }[];
    temperatures: { temperature: string; leads: number }[];
  }>('/v1/funnel');
  const ref = encodeURIComponent(`e:${live.email}`);
  const score = await stage.api.get<ScoreAnswer>(`/v1/leads/${ref}/score`, { locale: 'en' });
  const { print } = stage;
  print(pc.bold('\n4  What happened'));
  for (const row of funnel.stages)
    print(
      `  ${(row.stage ?? 'none').padEnd(14)} ${String(row.leads).padStart(5)} leads ${String(row.visitors).padStart(5)} visitors`,
    );
  print(`  ${funnel.temperatures.map((row) => `${row.temperature} ${row.leads}`).join(', ')}`);
  print(pc.bold('\n  The alert'));
  print(`  ${reasonIn(live.alert.body)}`);
  print(`\n  Score ${score.score}, line by line`);
  for (const line of score.engagement.lines)
    if (line.points) print(told(line.points, `${line.label}${line.count ? ` × ${line.count}` : ''}`));
  print(told(score.engagement.total, 'engagement', true));
  for (const line of score.fit.lines) if (line.points) print(told(line.points, line.text));
  print(told(score.fit.total, 'fit', true));
  for (const line of score.lines) print(told(line.points, `${line.label}, as it counts in the score`, true));
  print(pc.bold('\n  Where to look'));
  if (system.services.mailboxUrl) print(`  mailbox    ${system.services.mailboxUrl}`);
  print(`  API docs   ${system.apiUrl}/docs`);
  print(
    `  the lead   curl -H 'authorization: Bearer ${stage.apiKey}' '${system.apiUrl}/v1/leads/${ref}/score?locale=ja'`,
  );
}

const told = (points: number, text: string, total = false): string => {
  const line = `    ${`${points > 0 ? '+' : ''}${points}`.padStart(7)}  ${text}`;
  return total ? pc.bold(line) : pc.dim(line);
};

/** The one sentence, wherever the alert's document carries it. */
function reasonIn(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  for (const [name, part] of Object.entries(value)) {
    if (name === 'reason' && typeof part === 'string') return part;
    const found = reasonIn(part);
    if (found) return found;
  }
  return '';
}
