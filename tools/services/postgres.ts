import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { choosePort } from './ports.js';
import { databaseAccount, openFolder, postgresPrograms, reachableBy, type Account } from './postgres-programs.js';
import { end, findByCommandLine, identify, isAlive, waitUntilGone, type ProcessId } from './processes.js';
import { ServiceError, type ProgressLines } from './progress-lines.js';
import { logTail, readRecord, writeRecord, type PartRecord, type ServiceSet } from './service-set.js';

const user = 'leadfold';

export const postgresUrl = (record: PartRecord) =>
  `postgres://${user}:${record.password}@127.0.0.1:${record.port}/leadfold`;

/** Finds the running server of this set or starts it. */
export async function startPostgres(set: ServiceSet, progress: ProgressLines): Promise<PartRecord> {
  const account = databaseAccount();
  const known = readRecord(set, 'postgres');
  const folder = known?.folder ?? placeFor(set, account);
  const data = path.join(folder, 'data');
  const running = await runningServer(data);
  if (running && known?.password) return { ...known, folder, port: running.port, process: running.id };

  const programs = postgresPrograms(account);
  const password = known?.password ?? randomBytes(18).toString('base64url');
  const port = await choosePort(known?.port ?? set.ports.postgres);
  const record: PartRecord = { port, password, folder };
  writeRecord(set, 'postgres', record);
  if (!fs.existsSync(path.join(data, 'PG_VERSION'))) {
    progress.line('PostgreSQL', `making a new database folder in ${folder}`);
    await makeCluster(programs.initdb, folder, password, account, set.durable);
  }
  dropStalePidFile(data);
  await launch(programs.pgCtl, set, folder, port, account);
  const started = await runningServer(data);
  if (!started)
    throw new ServiceError('PostgreSQL ended right after its start.', `See ${path.join(folder, 'server.log')}`);
  await makeDatabase(record);
  return { ...record, process: started.id };
}

function placeFor(set: ServiceSet, account: Account | undefined): string {
  const usual = path.join(set.folder, 'postgres');
  return account && !reachableBy(account, usual) ? path.join(openFolder(), set.name) : usual;
}

/** Made aside and renamed: a killed initdb leaves no half folder behind. */
async function makeCluster(
  initdb: string,
  folder: string,
  password: string,
  account: Account | undefined,
  durable: boolean,
) {
  const draft = path.join(folder, 'data.new');
  fs.mkdirSync(folder, { recursive: true });
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, { mode: 0o700 });
  const passwordFile = path.join(folder, 'password.new');
  fs.writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account) for (const file of [folder, draft, passwordFile]) fs.chownSync(file, account.uid, account.gid);
  const args = ['-D', draft, '-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  if (!durable) args.push('--no-sync');
  const made = await runAs(account, initdb, args, folder);
  fs.rmSync(passwordFile, { force: true });
  if (made.code !== 0)
    throw new ServiceError(`initdb failed:\n${made.output}`, `Free the folder ${folder} and try again.`);
  fs.renameSync(draft, path.join(folder, 'data'));
}

async function launch(pgCtl: string, set: ServiceSet, folder: string, port: number, account: Account | undefined) {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'jit=off'];
  if (!set.durable) settings.push('fsync=off', 'full_page_writes=off', 'synchronous_commit=off');
  const options = `-p ${port} ${settings.map((setting) => `-c ${setting}`).join(' ')}`;
  const log = path.join(folder, 'server.log');
  const args = ['-D', path.join(folder, 'data'), '-w', '-t', '120', '-l', log, '-o', options, 'start'];
  // children of a killed server hold its shared memory for a moment longer
  for (let attempt = 1; ; attempt++) {
    const started = await runAs(account, pgCtl, args, folder);
    if (started.code === 0) return;
    const tail = logTail(log);
    if (attempt >= 20 || !/shared memory block|lock file/.test(tail)) {
      throw new ServiceError(
        `PostgreSQL does not start:\n${started.output}\n${tail}`,
        `See ${log}; \`npm run services -- down\` and a new try may help.`,
      );
    }
    await sleep(250);
  }
}

async function makeDatabase(record: PartRecord): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(record).replace(/leadfold$/, 'postgres') });
  await client.connect();
  try {
    const found = await client.query("select 1 from pg_database where datname = 'leadfold'");
    if (!found.rowCount) await client.query('create database leadfold');
  } finally {
    await client.end();
  }
}

/** A row written and read. */
export async function checkPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('create temporary table health (value text)');
    const value = randomBytes(6).toString('hex');
    await client.query('insert into health values ($1)', [value]);
    const read = await client.query<{ value: string }>('select value from health');
    if (read.rows[0]?.value !== value) throw new Error('the row read is not the row written');
  } finally {
    await client.end();
  }
}

/** `immediate` is a crash: nothing is flushed, the next start recovers from the write-ahead log. */
export async function stopPostgres(record: PartRecord, mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
  const running = record.folder ? await runningServer(path.join(record.folder, 'data')) : undefined;
  if (!running) return;
  if (mode === 'fast') return end(running.id, 20_000, 'SIGINT');
  process.kill(running.id.pid, 'SIGQUIT');
  await waitUntilGone(running.id);
}

async function runningServer(data: string): Promise<{ id: ProcessId; port: number } | undefined> {
  const lines = pidFile(data);
  const pid = Number(lines?.[0]);
  if (!pid) return undefined;
  const id = await identify(pid);
  if (!id || !(await isAlive(id))) return undefined;
  const ours = await findByCommandLine('postgres', data);
  return ours?.pid === pid ? { id, port: Number(lines![3]) } : undefined;
}

/** Its pid may belong to another program by now, which PostgreSQL takes for a running server. */
function dropStalePidFile(data: string): void {
  fs.rmSync(path.join(data, 'postmaster.pid'), { force: true });
}

function pidFile(data: string): string[] | undefined {
  try {
    return fs.readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

function runAs(
  account: Account | undefined,
  command: string,
  args: string[],
  cwd: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const child = spawn(command, args, {
      cwd,
      env,
      uid: account?.uid,
      gid: account?.gid,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.once('error', reject);
    child.once('exit', (code) => resolve({ code, output: output.trim() }));
  });
}
