import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from './project.js';

const prettier = path.join(projectRoot, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
const what = process.argv.length > 2 ? process.argv.slice(2) : ['.'];
process.exitCode =
  spawnSync(process.execPath, [prettier, '--write', '--log-level=warn', ...what], {
    cwd: projectRoot,
    stdio: 'inherit',
  }).status ?? 1;
