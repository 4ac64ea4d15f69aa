import path from 'node:path';
import { localFolder, readJson, writeJson } from '#tools/project';

/** Peak memory per process and row, MB, kept between runs for the row `memory`. */
export type Peaks = Record<string, Record<string, number>>;

const file = path.join(localFolder, 'bench', 'peaks.json');

export const readPeaks = (): Peaks => readJson<Peaks>(file) ?? {};

export function notePeak(app: string, row: string, mb: number): void {
  const peaks = readPeaks();
  (peaks[app] ??= {})[row] = Math.round(mb);
  writeJson(file, peaks);
}
