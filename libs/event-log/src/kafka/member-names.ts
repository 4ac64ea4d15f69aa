import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';

/** Where a process is: its pid counts among those of one namespace of one running kernel, its host's name may be given twice. */
export interface Whereabouts {
  host: string;
  pids: string;
  pid: number;
}

const here: Whereabouts = { host: os.hostname(), pids: namespaceOfPids(), pid: process.pid };
const pattern = /^leadfold-(.+)-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/;
const living = new Set<string>();

/** A client id that tells a group's other members, and whoever lists them, whose it is. It lives until `forget`. */
export function nameConsumer(): string {
  const name = `leadfold-${here.host}-${here.pids}-${here.pid}-${randomBytes(4).toString('hex')}`;
  living.add(name);
  return name;
}

export const forgetConsumer = (name: string): boolean => living.delete(name);

/**
 * Its process is gone. Certain for pids that are counted like ours. A container that was started again has its host name and
 * its pid, but counts anew: taken for dead, which two living containers of one name would be, too.
 */
export function isDead(name: string, me = here, alive: ReadonlySet<string> = living, runs = isRunning): boolean {
  const [, host, pids, pid] = pattern.exec(name) ?? [];
  if (pid === undefined || alive.has(name)) return false;
  if (Number(pid) === me.pid) return pids === me.pids || host === me.host;
  return pids === me.pids && !runs(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function namespaceOfPids(): string {
  let known = os.hostname();
  try {
    known = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') + fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    // no Linux: its processes are those of the host
  }
  return createHash('sha256').update(known).digest('hex').slice(0, 8);
}
