import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { DomainError } from '#libs/platform';
import { ServiceError } from './services/index.js';

/** A file of tools/leadfold/ is a command: it exports `register(program)`. */
const program = new Command('leadfold')
  .description('Operates a Leadfold installation (DATABASE_URL, else the local one)')
  .showHelpAfterError();

const folder = path.join(import.meta.dirname, 'leadfold');
for (const file of fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.js'))
  .sort()) {
  const { register } = (await import(pathToFileURL(path.join(folder, file)).href)) as {
    register?: (program: Command) => void;
  };
  register?.(program);
}

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const known =
    error instanceof DomainError || error instanceof ServiceError || (error as Error).name === 'ConfigError';
  process.stderr.write(`${known ? (error as Error).message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
