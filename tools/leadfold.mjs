#!/usr/bin/env node
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const run = path.join(path.dirname(fileURLToPath(import.meta.url)), 'run.mjs');
process.argv.splice(2, 0, 'leadfold');
await import(pathToFileURL(run).href);
