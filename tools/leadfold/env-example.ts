import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { envExample, loadSchemas } from '../env-example/generate.js';
import { projectRoot } from '../project.js';

export function register(program: Command): void {
  program
    .command('env-example')
    .description('write .env.example anew from the config schemas (developers)')
    .action(async () => {
      fs.writeFileSync(path.join(projectRoot, '.env.example'), envExample(await loadSchemas()));
    });
}
