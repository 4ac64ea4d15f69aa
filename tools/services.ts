import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureServices, ServiceError, serviceStatus, stopServices } from './services/index.js';
import { logFile, partLabel, parts, readRecord, serviceSet, type SetName } from './services/service-set.js';

const usage = 'npm run services -- up | status | logs | down  [--set dev|demo|test|faults|bench] [--embedded]';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    set: { type: 'string', default: 'dev' },
    embedded: { type: 'boolean', default: false },
    follow: { type: 'boolean', short: 'f' },
  },
});
const set = values.set as SetName;
const hidePassword = (address: string) => address.replace(/:[^:@/]+@/, ':…@');

async function up() {
  const services = await ensureServices({ set, embedded: values.embedded, keep: true });
  for (const { part, reason, remedy } of services.missing) {
    console.log(`\n${partLabel[part]} is left out: ${reason}.\n  For the full mode: ${remedy}`);
  }
  console.log(`\nDATABASE_URL=${services.databaseUrl}`);
  if (services.kafkaBrokers) console.log(`KAFKA_BROKERS=${services.kafkaBrokers}`);
  if (services.redisUrl) console.log(`REDIS_URL=${services.redisUrl}`);
  console.log(`SMTP_URL=${services.smtpUrl}`);
  if (services.mailboxUrl) console.log(`Mailbox page: ${services.mailboxUrl}`);
}

async function status() {
  const all = await serviceStatus(set);
  for (const { part, address, healthy, detail } of all) {
    console.log(
      `${healthy ? 'up  ' : 'down'}  ${partLabel[part].padEnd(11)} ${hidePassword(address ?? '-')}  ${detail}`,
    );
  }
  process.exitCode = all.every((part) => part.healthy) ? 0 : 1;
}

function logs() {
  const folder = readRecord(serviceSet(set), 'postgres')?.folder;
  const files = [
    ...(folder ? [`${folder}/server.log`] : []),
    ...parts.slice(1).map((part) => logFile(serviceSet(set), part)),
  ];
  const present = files.filter((file) => fs.existsSync(file));
  if (!present.length) return void console.log(`No logs of set ${set}: nothing was started here yet.`);
  spawn('tail', ['-n', '40', ...(values.follow ? ['-F'] : []), ...present], { stdio: 'inherit' });
}

const verbs: Record<string, () => Promise<void> | void> = { up, status, logs, down: () => stopServices(set) };
const verb = verbs[positionals[0] ?? ''];
if (!verb) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    await verb();
  } catch (error) {
    console.error(error instanceof ServiceError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
