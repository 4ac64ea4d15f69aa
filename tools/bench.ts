import { rows } from '../bench/rows/index.js';
import { readOptions } from '../bench/support/options.js';
import { table } from '../bench/support/report.js';
import type { RowResult } from '../bench/support/row.js';
import { ensureServices, ServiceError } from './services/index.js';
import { parts, readRecord, serviceSet } from './services/service-set.js';

const usage = `npm run bench -- <row> … | all  [--reps 8] [--seconds 6] [--rounds 20] [--quick]\nrows: ${Object.keys(rows).join(', ')}`;

/** JSON lines while it measures, a table at the end. Services are the bench's own and end with it. */
async function main(): Promise<void> {
  const { rows: asked, options } = readOptions(process.argv.slice(2));
  const names = asked.includes('all') ? Object.keys(rows) : asked;
  if (!names.length || names.some((name) => !rows[name])) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const report = (line: object) => console.log(JSON.stringify({ at: new Date().toISOString(), ...options, ...line }));
  const services = await ensureServices({ set: 'bench', requireAll: true });
  try {
    const set = serviceSet('bench');
    const pidOf = (part: (typeof parts)[number]) => readRecord(set, part)?.process?.pid;
    const servicePids = Object.fromEntries(parts.flatMap((part) => (pidOf(part) ? [[part, pidOf(part)!]] : [])));
    const results: RowResult[] = [];
    for (const name of names) results.push(...(await rows[name]!({ options, services, servicePids, report })));
    console.log(`\n${table(results)}`);
    if (results.some((result) => result.verdict === 'below' || result.verdict === 'wrong')) process.exitCode = 1;
  } finally {
    await services.stop();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof ServiceError ? error.message : error);
  process.exitCode = 1;
}
process.exit();
