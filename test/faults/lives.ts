import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { projectRoot } from '../../tools/project.js';
import { until } from '#test/until';

export interface Life {
  /** The signal or code that ended it. */
  ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  output: string;
}

/** One app as a process of its own, from the build that `npm test` made; it starts once and is not restarted. */
export function live(app: 'collector' | 'projector' | 'worker', env: Record<string, string>): Life {
  const script = path.join(projectRoot, 'dist', 'apps', app, 'src', 'main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', script], {
    env: { ...process.env, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const life: Life = {
    output: '',
    kill: (signal) => void child.kill(signal),
    ended: once(child, 'exit').then(([code, signal]) =>
      String((signal as string | null) ?? `exit code ${code as number}`),
    ),
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (life.output += text.toString()));
  return life;
}

/** Lives one after the other, each ended by its failpoint, until what is asked for holds. Says how many died of it. */
export async function liveUntil(start: () => Life, holds: () => Promise<boolean>, limitMs = 120_000): Promise<number> {
  const deadline = performance.now() + limitMs;
  for (let deaths = 0; ; deaths++) {
    const life = start();
    let over = false;
    const end = life.ended.then((how) => ((over = true), how));
    try {
      await until(
        'it ends, or all is done',
        async () => over || (await holds()),
        Math.max(1, deadline - performance.now()),
      );
      if (!over) return deaths;
    } finally {
      life.kill('SIGKILL');
      await end;
    }
    if ((await end) !== 'SIGKILL') throw new Error(`ended by ${await end}: ${life.output}`);
  }
}
