import type { Services } from '#tools/services/index';
import type { BenchOptions } from './options.js';

export type Report = (line: object) => void;

/** What every row gets: real services of the bench's own, and how much to measure. */
export interface Bench {
  options: BenchOptions;
  services: Services;
  /** The services' processes, for the CPU account. */
  servicePids: Record<string, number>;
  /** One JSON line. */
  report: Report;
}

/** A line of the table at the end. */
export interface RowResult {
  row: string;
  measured: string;
  floor: string;
  /** What is judged: a ratio or an absolute figure. */
  result: string;
  must: string;
  goal: string;
  verdict: 'goal' | 'must' | 'below' | 'wrong';
  note: string;
}

export type Row = (bench: Bench) => Promise<RowResult[]>;
