import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '#tools/project';

/** A program of the bench in a process of its own: it serves calls by name, and says `ready` with where it listens. */
export interface Child {
  pid: number;
  /** What it said when it was ready. */
  ready: { port: number };
  call<T>(name: string, argument?: unknown): Promise<T>;
  stop(): Promise<void>;
}

type Answer = { ready: { port: number } } | { call: number; value?: unknown; error?: string };

export async function startChild(script: string, ...args: string[]): Promise<Child> {
  const file = path.join(projectRoot, 'dist', 'bench', `${script}.js`);
  const child = fork(file, args, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  const ready = await new Promise<{ port: number }>((resolve, reject) => {
    child.on('message', (message: Answer) => {
      if ('ready' in message) return resolve(message.ready);
      const caller = open.get(message.call);
      open.delete(message.call);
      if (message.error === undefined) caller?.resolve(message.value);
      else caller?.reject(new Error(`${script}: ${message.error}`));
    });
    child.once('exit', (code, signal) => {
      const error = new Error(`${script} ended (${signal ?? code})`);
      reject(error);
      for (const caller of open.values()) caller.reject(error);
    });
  });
  return {
    pid: child.pid!,
    ready,
    call: <T>(name: string, argument?: unknown) =>
      new Promise<T>((resolve, reject) => {
        const call = ++calls;
        open.set(call, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ call, name, argument });
      }),
    stop: () => stopChild(child),
  };
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** The child's side. It ends when its parent does. */
export function serveCalls(port: number, handlers: Record<string, (argument: never) => unknown>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', (message: { call: number; name: string; argument: unknown }) => {
    const { call, name, argument } = message;
    Promise.resolve()
      .then(() => handlers[name]!(argument as never))
      .then(
        (value) => process.send!({ call, value }),
        (error: Error) => process.send!({ call, error: error.stack ?? error.message }),
      );
  });
  process.send!({ ready: { port } });
}

/** Nanoseconds on the clock that all processes of a machine share, as milliseconds. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;
