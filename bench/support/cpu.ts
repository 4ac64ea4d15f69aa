import fs from 'node:fs';

const ticksPerSecond = 100;

/** Jiffies of all cores since boot: what was worked, stolen by the host, and in all. */
interface Machine {
  busy: number;
  steal: number;
  total: number;
}

function machineTicks(): Machine {
  const fields = fs.readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number);
  const [user, nice, system, idle, iowait, irq, softirq, steal] = fields as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const busy = user + nice + system + irq + softirq;
  return { busy, steal, total: busy + idle + iowait + steal };
}

interface ProcessLine {
  pid: number;
  parent: number;
  ticks: number;
}

/** Ticks include those of children that ended: a server that forks for each connection would else lose them. */
function processLines(): ProcessLine[] {
  const lines: ProcessLine[] = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
      lines.push({ pid: Number(name), parent: Number(fields[1]), ticks });
    } catch {
      // ended while we looked
    }
  }
  return lines;
}

/** CPU ticks of these processes and all their descendants; a root below another root counts for itself alone. */
export function ticksByRoot(roots: Record<string, number>): Record<string, number> {
  const lines = processLines();
  const children = new Map<number, ProcessLine[]>();
  for (const line of lines) children.set(line.parent, [...(children.get(line.parent) ?? []), line]);
  const own = new Map(lines.map((line) => [line.pid, line.ticks]));
  const named = new Set(Object.values(roots));
  const sum = (pid: number): number =>
    (own.get(pid) ?? 0) +
    (children.get(pid) ?? []).reduce((total, child) => total + (named.has(child.pid) ? 0 : sum(child.pid)), 0);
  return Object.fromEntries(Object.entries(roots).map(([name, pid]) => [name, sum(pid)]));
}

/** Resident memory of one process now and at its peak, MB. */
export function residentMb(pid: number): { now: number; peak: number } {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

export const peakMb = (pid: number): number => residentMb(pid).peak;

export interface CpuReading {
  /** CPU seconds per named root, descendants included. */
  seconds: Record<string, number>;
  /** Shares of the machine, 0 to 1. */
  foreign: number;
  steal: number;
}

/** Measures CPU between now and `read()`. `roots` are the processes that belong to the run; the rest is foreign. */
export function startCpu(roots: Record<string, number>): { read(): CpuReading } {
  const machine = machineTicks();
  const before = ticksByRoot(roots);
  return {
    read() {
      const after = ticksByRoot(roots);
      const now = machineTicks();
      const ticks = Object.fromEntries(
        Object.keys(roots).map((name) => [name, Math.max(0, after[name]! - before[name]!)]),
      );
      const ours = Object.values(ticks).reduce((sum, value) => sum + value, 0);
      const total = Math.max(1, now.total - machine.total);
      return {
        seconds: Object.fromEntries(Object.entries(ticks).map(([name, value]) => [name, value / ticksPerSecond])),
        foreign: Math.max(0, now.busy - machine.busy - ours) / total,
        steal: (now.steal - machine.steal) / total,
      };
    },
  };
}
