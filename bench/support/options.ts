import { parseArgs } from 'node:util';

/** How much is measured. What was used stands in every printed line. */
export interface BenchOptions {
  reps: number;
  /** Length of a stretch where the row can choose it. */
  seconds: number;
  quick: boolean;
  /** Of crashes, each victim once per round. */
  rounds: number;
}

/** 8 clean reps of 5 s and more are a measurement; `--quick` only shows that the row runs. */
export function readOptions(argv: string[]): { rows: string[]; options: BenchOptions } {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      reps: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const number = (text: string | undefined, usual: number) => (text === undefined ? usual : Number(text));
  return {
    rows: positionals,
    options: {
      reps: number(values.reps, values.quick ? 2 : 8),
      seconds: number(values.seconds, values.quick ? 2 : 6),
      quick: values.quick,
      rounds: number(values.rounds, values.quick ? 2 : 20),
    },
  };
}
