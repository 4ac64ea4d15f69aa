import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A pid alone may have been given to somebody else since: the start time tells. */
export interface ProcessId {
  pid: number;
  startedAt: string;
}

export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function startedAt(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return startTimeOf(pid);
  const listed = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout.trim() || undefined;
}

export async function identify(pid: number): Promise<ProcessId | undefined> {
  const at = await startedAt(pid);
  return at === undefined ? undefined : { pid, startedAt: at };
}

export async function isAlive(id: ProcessId | undefined): Promise<boolean> {
  return id !== undefined && (await startedAt(id.pid)) === id.startedAt;
}

/** The process whose command line names `marker`, a path of our own: left by a run that was killed before it could note the pid. */
export async function findByCommandLine(program: string, marker: string): Promise<ProcessId | undefined> {
  for (const { pid, args } of await listProcesses()) {
    const runsIt = args.startsWith(`${program} `) || args.includes(`/${program} `);
    if (pid !== process.pid && runsIt && `${args} `.includes(` ${marker} `)) return identify(pid);
  }
  return undefined;
}

/** Slim images have no `ps`. */
async function listProcesses(): Promise<{ pid: number; args: string }[]> {
  if (process.platform === 'linux') {
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map((pid) => ({ pid: Number(pid), args: commandLine(pid) }));
  }
  const { stdout } = await run('ps', ['-ww', '-axo', 'pid=,args='], { maxBuffer: 8 << 20 });
  return [...stdout.matchAll(/^\s*(\d+)\s+(.*)$/gm)].map(([, pid, args]) => ({ pid: Number(pid), args: args! }));
}

function commandLine(pid: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Starts a program that outlives this one, its output in `log`. */
export async function startDetached(
  command: string,
  args: string[],
  options: { log: string; cwd: string; env?: NodeJS.ProcessEnv },
): Promise<ProcessId> {
  const out = fs.openSync(options.log, 'a');
  try {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: true,
      stdio: ['ignore', out, out],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const id = await identify(child.pid!);
    if (!id) throw new Error(`${command} ended at once`);
    return id;
  } finally {
    fs.closeSync(out);
  }
}

export function signal(id: ProcessId, name: NodeJS.Signals): void {
  try {
    process.kill(id.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks, waits, insists. Never touches a process that took over the pid. */
export async function end(id: ProcessId | undefined, graceMs: number, ask: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!id || !(await isAlive(id))) return;
  signal(id, ask);
  const deadline = Date.now() + graceMs;
  while (await isAlive(id)) {
    if (Date.now() > deadline) {
      if (await isAlive(id)) signal(id, 'SIGKILL');
      await waitUntilGone(id);
      return;
    }
    await sleep(30);
  }
}

export async function waitUntilGone(id: ProcessId): Promise<void> {
  while (await isAlive(id)) await sleep(20);
}
