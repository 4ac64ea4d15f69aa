import fs from 'node:fs';
import path from 'node:path';

/** Both `tools/` and `dist/tools/` find the project above them. */
export const projectRoot = findRoot(import.meta.dirname);

/** Everything that a local run keeps: data, ports, pids, secrets. */
export const localFolder = path.join(projectRoot, '.local');

function findRoot(folder: string): string {
  if (fs.existsSync(path.join(folder, 'package-lock.json'))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder)
    throw new Error('These tools run from a clone of the project: no package-lock.json above them.');
  return findRoot(parent);
}

export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined; // absent, or cut short by a kill: both mean "nothing known"
  }
}

/** Whole or not at all, readable by the owner only. */
export function writeJson(file: string, value: unknown): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  fs.writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(draft, file);
}
