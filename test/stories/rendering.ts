import fs from 'node:fs';
import type { ExplainedAt } from '#libs/projection';

/** Engagement rule by rule, then what fit and the minimum add: the lines that sum to the score, in points. */
export function whyOf({ explanation: { engagement, score } }: ExplainedAt): Record<string, number> {
  const lines = [...engagement.lines, ...score.lines.filter(({ kind }) => kind !== 'engagement')];
  return Object.fromEntries(
    lines.filter(({ points }) => points !== 0).map(({ label, points }) => [label, points / 10]),
  );
}

const clock = (ms: number): string => new Date(ms + 9 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ');

/** One moment as the guide shows it. */
export function seenIn(
  { on, told: sentence }: { on: string; told: string },
  { explanation: told }: ExplainedAt,
): string {
  const points = (tenths: number): string => (tenths / 10).toFixed(1).padStart(7);
  const lines = told.engagement.lines.filter(({ points: worth }) => worth !== 0);
  const rest = told.score.lines.filter(({ kind, points: worth }) => kind !== 'engagement' && worth !== 0);
  return [
    `${on}  ${sentence}`,
    ...lines.map((line) => {
      const { decay, capped } = line;
      const notes = [
        ...(line.count === undefined ? [] : [`${line.count}×`]),
        ...(decay ? [`${points(line.beforeDecay!).trim()} before decay`] : []),
        ...(capped ? [`${points(capped).trim()} by the cap`] : []),
      ];
      return `${points(line.points)}  ${line.label}${notes.length > 0 ? `  (${notes.join(', ')})` : ''}`;
    }),
    ...rest.map((line) => `${points(line.points)}  ${line.label}`),
    `${points(told.score.total)}  score; ${told.temperature}, stage ${told.stage.name}${told.hotUntil === null ? '' : `; hot until ${clock(told.hotUntil)} if nothing happens`}`,
  ].join('\n');
}

const guide = new URL('../../docs/guides/how-a-score-is-made.md', import.meta.url);

/** The moment's block in the guide; WRITE_GOLDENS=1 puts there what really comes out. */
export function guidePart(on: string, really: string): string | undefined {
  const text = fs.readFileSync(guide, 'utf8');
  const block = [...text.matchAll(/```text\n([\s\S]*?)\n```/g)].find((match) => match[1]!.startsWith(on))?.[1];
  if (block === undefined || process.env['WRITE_GOLDENS'] !== '1') return block;
  fs.writeFileSync(
    guide,
    text.replace(`\`\`\`text\n${block}\n`, () => `\`\`\`text\n${really}\n`),
  );
  return really;
}
