import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../project.js';
import { flagsOf, memoryEnv, type AppName } from './app-flags.js';

export type { AppName } from './app-flags.js';

export interface AppSpec {
  /** Unique in the system: `projector`, `projector-2`, … */
  name: string;
  app: AppName;
  port: number;
  env: Record<string, string>;
}

export interface AppEvents {
  line(name: string, line: string): void;
  started(name: string, pid: number): void;
  restarting(name: string, how: string, afterMs: number): void;
  /** Never came up: no restart will help. */
  failed(name: string, how: string, lastLines: string[]): void;
}

const firstBackOffMs = 250;
/** No alert waits longer than this and a start for a service that is back. */
const lastBackOffMs = 5_000;
/** Who was ever ready and lived this long had started well: the next pause is the first again. */
const startedWellMs = 10_000;
const startsBeforeGivingUp = 3;

/** One app as its own process: started again with growing pauses when it ends, for as long as it was ever ready. */
export class AppProcess {
  restarts = 0;
  private child?: ChildProcess;
  private wanted = false;
  private everReady = false;
  private failures = 0;
  private lastLines: string[] = [];
  private pause?: NodeJS.Timeout;

  constructor(
    readonly spec: AppSpec,
    private readonly env: NodeJS.ProcessEnv,
    private readonly events: AppEvents,
  ) {}

  get pid(): number | undefined {
    return this.child?.exitCode === null && this.child.signalCode === null ? this.child.pid : undefined;
  }

  get url(): string {
    return `http://127.0.0.1:${this.spec.port}`;
  }

  start(): void {
    this.wanted = true;
    const startedAt = performance.now();
    const script = path.join(projectRoot, 'dist', 'apps', this.spec.app, 'src', 'main.js');
    // a group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops the apps in order
    const child = spawn(process.execPath, [...flagsOf(this.spec.app), script], {
      cwd: projectRoot,
      env: { ...memoryEnv, ...this.env, ...this.spec.env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lastLines = [...this.lastLines.slice(-19), line];
        this.events.line(this.spec.name, line);
      });
    }
    child.once('spawn', () => this.events.started(this.spec.name, child.pid!));
    child.once('error', (error) => this.ended(error.message, startedAt));
    child.once('close', (code, signal) => this.ended(signal ?? `exit code ${code}`, startedAt));
  }

  private ended(how: string, startedAt: number): void {
    if (!this.wanted) return;
    const startedWell = this.everReady && performance.now() - startedAt > startedWellMs;
    this.failures = startedWell ? 1 : this.failures + 1;
    if (!this.everReady && this.failures >= startsBeforeGivingUp) {
      this.wanted = false;
      this.events.failed(this.spec.name, how, this.lastLines);
      return;
    }
    const pauseMs = Math.min(lastBackOffMs, firstBackOffMs * 2 ** (this.failures - 1));
    this.events.restarting(this.spec.name, how, pauseMs);
    this.pause = setTimeout(() => {
      this.restarts += 1;
      this.start();
    }, pauseMs);
  }

  async isReady(): Promise<boolean> {
    if (!this.pid) return false;
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      await answer.arrayBuffer();
      if (answer.ok) this.everReady = true;
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** For fault runs: the supervisor starts it again. Returns the pid that was hit. */
  kill(signal: NodeJS.Signals): number | undefined {
    const pid = this.pid;
    if (pid) this.child!.kill(signal);
    return pid;
  }

  /** SIGTERM, and SIGKILL when it has not ended after `boundMs`. Says whether it ended by itself. */
  async stop(boundMs: number): Promise<boolean> {
    this.wanted = false;
    clearTimeout(this.pause);
    if (!this.pid) return true;
    this.child!.kill('SIGTERM');
    for (const deadline = performance.now() + boundMs; this.pid && performance.now() < deadline;) await sleep(20);
    if (!this.pid) return true;
    this.child!.kill('SIGKILL');
    while (this.pid) await sleep(10);
    return false;
  }
}
