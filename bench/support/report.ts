import type { Summary } from './ratio.js';
import type { RowResult } from './row.js';

export const rateOf = (perSecond: number): string => Math.round(perSecond).toLocaleString('en-US');

export function ratioResult(summary: Summary, measured: string): RowResult {
  const { ratio, clean, reps, wrong } = summary;
  return {
    row: summary.name,
    measured,
    floor: `${rateOf(summary.floor)} ${summary.unit}/s`,
    result: `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
    must: `≥ ${summary.must}`,
    goal: `≥ ${summary.goal}`,
    verdict: wrong ? 'wrong' : summary.verdict,
    note: `${clean} of ${reps} reps clean; ${summary.cpuMsPerUnit.toFixed(3)} CPU-ms per unit`,
  };
}

export function table(results: RowResult[]): string {
  const columns = ['row', 'measured', 'floor', 'result', 'must', 'goal', 'verdict', 'note'] as const;
  const lines = [
    columns.join(' | '),
    columns.map(() => '---').join(' | '),
    ...results.map((result) => columns.map((column) => result[column]).join(' | ')),
  ];
  return lines.map((line) => `| ${line} |`).join('\n');
}
