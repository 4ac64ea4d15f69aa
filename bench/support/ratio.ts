import { startCpu, type CpuReading } from './cpu.js';

/** One measured stretch: `units` of work in `seconds`. A wrong result is worth nothing. */
export interface Stretch {
  units: number;
  seconds: number;
  /** Why the state or the answers were wrong; the rep then counts 0. */
  wrong?: string;
  extra?: Record<string, number>;
  /** CPU seconds of the processes that did it, where the stretch knows better than the row. */
  cpuSeconds?: number;
}

export interface RatioRow {
  name: string;
  unit: string;
  reps: number;
  must: number;
  goal: number;
  /** Processes that belong to the run; the rest of the machine is foreign. */
  roots: () => Record<string, number>;
  /** Those of them whose CPU the subject's units cost; all when absent. */
  subjectRoots?: () => Record<string, number>;
  floor: () => Promise<Stretch>;
  subject: () => Promise<Stretch>;
}

export interface Rep {
  floors: [number, number];
  subject: number;
  ratio: number;
  clean: boolean;
  cpu: CpuReading;
  cpuMsPerUnit: number;
  wrong?: string;
  extra?: Record<string, number>;
}

const maxForeign = 0.06;
const maxSteal = 0.05;
export const isClean = (reading: CpuReading): boolean => reading.foreign < maxForeign && reading.steal < maxSteal;

/** CPU seconds of all roots of a reading. */
export const totalOf = (reading: CpuReading): number =>
  Object.values(reading.seconds).reduce((sum, value) => sum + value, 0);
const rate = (stretch: Stretch) => (stretch.wrong ? 0 : stretch.units / stretch.seconds);

/** Each rep runs floor, subject, floor; the ratio is subject over the mean of the two floors. */
export async function measureRatio(row: RatioRow, report: (line: object) => void): Promise<Rep[]> {
  const reps: Rep[] = [];
  // an unclean rep is reported and repeated, but not for ever: the machine is shared
  for (let attempt = 0; attempt < row.reps * 2 && reps.filter((rep) => rep.clean).length < row.reps; attempt++) {
    const cpu = startCpu({ bench: process.pid, ...row.roots() });
    const first = rate(await row.floor());
    const subjectCpu = startCpu((row.subjectRoots ?? row.roots)());
    const stretch = await row.subject();
    const used = stretch.cpuSeconds ?? totalOf(subjectCpu.read());
    const second = rate(await row.floor());
    const reading = cpu.read();
    const rep: Rep = {
      floors: [first, second],
      subject: rate(stretch),
      ratio: rate(stretch) / ((first + second) / 2),
      clean: isClean(reading),
      cpu: reading,
      cpuMsPerUnit: (used * 1000) / stretch.units,
      ...(stretch.wrong ? { wrong: stretch.wrong } : {}),
      ...(stretch.extra ? { extra: stretch.extra } : {}),
    };
    reps.push(rep);
    report({ bench: row.name, rep: reps.length, ...rep });
  }
  return reps;
}

export interface Summary {
  name: string;
  unit: string;
  reps: number;
  clean: number;
  floor: number;
  subject: number;
  ratio: { min: number; median: number; max: number };
  cpuMsPerUnit: number;
  wrong: number;
  must: number;
  goal: number;
  verdict: 'goal' | 'must' | 'below';
}

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The value below which this share of the values lies. */
export function shareOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}

/** Judged on the median ratio of the clean reps; of all reps, and said so, where none was clean. */
export function summarize(row: RatioRow, reps: Rep[]): Summary {
  const clean = reps.filter((rep) => rep.clean);
  const judged = clean.length ? clean : reps;
  const ratios = judged.map((rep) => rep.ratio);
  const middle = median(ratios);
  return {
    name: row.name,
    unit: row.unit,
    reps: reps.length,
    clean: clean.length,
    floor: median(judged.map((rep) => (rep.floors[0] + rep.floors[1]) / 2)),
    subject: median(judged.map((rep) => rep.subject)),
    ratio: { min: Math.min(...ratios), median: middle, max: Math.max(...ratios) },
    cpuMsPerUnit: median(judged.map((rep) => rep.cpuMsPerUnit)),
    wrong: reps.filter((rep) => rep.wrong).length,
    must: row.must,
    goal: row.goal,
    verdict: middle >= row.goal ? 'goal' : middle >= row.must ? 'must' : 'below',
  };
}
