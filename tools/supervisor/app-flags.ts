import type { AppName } from './app-process.js';

/** Megabytes. */
const heaps: Record<AppName, { semiSpace: number; oldSpace: number }> = {
  collector: { semiSpace: 4, oldSpace: 96 },
  projector: { semiSpace: 8, oldSpace: 160 },
  worker: { semiSpace: 4, oldSpace: 96 },
  api: { semiSpace: 8, oldSpace: 256 },
};

/** What node is started with, wherever an app is started; docker-compose.yml repeats it, and a test compares. */
export const flagsOf = (app: AppName): string[] => [
  '--enable-source-maps',
  `--max-semi-space-size=${heaps[app].semiSpace}`,
  `--max-old-space-size=${heaps[app].oldSpace}`,
];
