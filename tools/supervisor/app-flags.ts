export type AppName = 'collector' | 'projector' | 'worker' | 'api';

/** Megabytes of new and of old space: well above what was ever needed, so that V8 collects instead of growing. */
const heaps: Record<AppName, { semiSpace: number; oldSpace: number }> = {
  collector: { semiSpace: 8, oldSpace: 80 },
  projector: { semiSpace: 16, oldSpace: 160 },
  worker: { semiSpace: 4, oldSpace: 72 },
  api: { semiSpace: 8, oldSpace: 256 },
};

/** Threads that help to collect new space spin while they wait for work: a seventh of all that the projector used. */
const alone = ['--no-parallel-scavenge'];
const more: Partial<Record<AppName, string[]>> = { projector: alone, worker: alone };

/**
 * What node is started with, wherever an app is started; docker-compose.yml repeats it, and a test compares. No source maps:
 * node keeps those of all packages, ten megabytes, and what was compiled reads line by line like its source.
 */
export const flagsOf = (app: AppName): string[] => [
  `--max-semi-space-size=${heaps[app].semiSpace}`,
  `--max-old-space-size=${heaps[app].oldSpace}`,
  ...(more[app] ?? []),
];

/** One arena for each few threads: glibc's default of eight per core keeps what each of them once needed. */
export const memoryEnv = { MALLOC_ARENA_MAX: '2' };
