// The first step of every command: plain JavaScript without packages, because a fresh clone has none.
// node tools/run.mjs <command> [args]: packages and build brought up to date, then dist/tools/<command>.js
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (...names) => path.join(root, ...names);
const modulesStamp = at('node_modules', '.leadfold-lock');
const buildStamp = at('dist', '.leadfold-build');

const [command, ...args] = process.argv.slice(2);
try {
  checkNode();
  await oneAtATime(async () => {
    if (process.env.LEADFOLD_PREPARED !== 'yes') {
      await install();
      await build();
    }
  });
  process.env.LEADFOLD_PREPARED = 'yes';
  const script = at('dist', 'tools', `${command}.js`);
  if (!command || !fs.existsSync(script)) {
    stop(`There is no command "${command ?? ''}".`, 'See "scripts" in package.json.');
  }
  process.setSourceMapsEnabled(true);
  process.argv = [process.argv[0], script, ...args];
  await import(pathToFileURL(script).href);
} catch (error) {
  if (!error.remedy) throw error;
  process.stderr.write(`\n${error.message}\n  → ${error.remedy}\n`);
  process.exitCode = 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major > 22;
  if (!fits)
    stop(
      `Node ${process.versions.node} is too old.`,
      'Install Node 20.19 or newer, 22.13 or newer, or 24 (https://nodejs.org).',
    );
}

async function install() {
  if (packagesAreCurrent()) return;
  const since = Date.now();
  say('packages', 'installing by npm ci (about a minute the first time)');
  // a stamp of the old state must not outlive a killed installation
  fs.rmSync(modulesStamp, { force: true });
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const code = await run([
    ...npm,
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  if (code !== 0)
    stop('npm ci failed.', 'Check the network and the registry (npm ping), then start the same command again.');
  fs.writeFileSync(modulesStamp, hashOf([at('package-lock.json')]));
  say('packages', `installed (${took(since)})`);
}

function packagesAreCurrent() {
  const wanted = hashOf([at('package-lock.json')]);
  if (read(modulesStamp) === wanted) return true;
  // installed by hand: what npm noted there must hold every package of the lockfile that is not optional
  const there = JSON.parse(read(at('node_modules', '.package-lock.json')) ?? '{}').packages ?? {};
  const locked = Object.entries(JSON.parse(read(at('package-lock.json'))).packages).filter(([name]) => name);
  const same = locked.every(([name, { version, optional, peer }]) =>
    there[name] ? there[name].version === version : optional || peer,
  );
  if (same && Object.keys(there).length) fs.writeFileSync(modulesStamp, wanted);
  return same && Object.keys(there).length > 0;
}

async function build() {
  const sources = ['apps', 'libs', 'test', 'bench', 'tools', 'database'].flatMap((folder) => listSources(at(folder)));
  const current = hashOf([...sources, at('tsconfig.json'), at('tsconfig.build.json'), at('package-lock.json')]);
  if (read(buildStamp) === current) return;
  const since = Date.now();
  say('build', 'compiling TypeScript');
  // built aside and swapped: what was deleted from the sources is gone from dist too, and a failure leaves the old one
  const draft = at('dist.new');
  fs.rmSync(draft, { recursive: true, force: true });
  const compiler = at('node_modules', 'typescript7', 'bin', 'tsc');
  const code = await run([process.execPath, compiler, '-p', at('tsconfig.build.json'), '--outDir', draft]);
  if (code !== 0) {
    fs.rmSync(draft, { recursive: true, force: true });
    stop('The sources do not compile; the errors stand above.', 'Mend them, or check out a commit that compiles.');
  }
  fs.writeFileSync(path.join(draft, path.basename(buildStamp)), current);
  fs.rmSync(at('dist'), { recursive: true, force: true });
  fs.renameSync(draft, at('dist'));
  say('build', `done (${took(since)})`);
}

function listSources(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.(ts|json)$/.test(name) && !name.includes('node_modules') && !/spec\.ts$/.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Two commands at once must not install into one folder; the lock of a dead process is taken over. */
async function oneAtATime(work) {
  const lock = at('.local', 'prepare.lock');
  const draft = `${lock}.${process.pid}`;
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  fs.writeFileSync(draft, `${process.pid} ${startOf(process.pid)}`);
  for (let waited = 0; ; waited++) {
    try {
      fs.linkSync(draft, lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const [pid, start] = (read(lock) ?? '').split(' ');
    if (isDead(pid, start)) takeAway(lock, draft);
    else if (waited === 0) say('packages', `waiting for process ${pid}, which installs or builds`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    await work();
  } finally {
    fs.rmSync(lock, { force: true });
    fs.rmSync(draft, { force: true });
  }
}

/** Two that see the same dead holder: without this the second would take away the lock of the first. */
function takeAway(lock, draft) {
  const broom = `${lock}.broom`;
  try {
    fs.utimesSync(draft, new Date(), new Date()); // a link shares the time of its draft
    fs.linkSync(draft, broom);
  } catch {
    const since = fs.statSync(broom, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > 10_000) fs.rmSync(broom, { force: true });
    return;
  }
  if (isDead(...(read(lock) ?? '').split(' '))) fs.rmSync(lock, { force: true });
  fs.rmSync(broom, { force: true });
}

function isDead(pid, start) {
  return !Number(pid) || startOf(pid) !== start || !alive(Number(pid));
}

function startOf(pid) {
  const stat = read(`/proc/${pid}/stat`);
  return stat ? stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] : 'unknown';
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Output goes to stderr: stdout belongs to the command. */
function run([program, ...rest]) {
  return new Promise((resolve) => {
    const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
    const pass = (signal) => child.kill(signal);
    process.on('SIGTERM', pass).on('SIGINT', pass);
    child.once('error', (error) => (say('failed', error.message), resolve(127)));
    child.once('exit', (code, signal) => {
      process.off('SIGTERM', pass).off('SIGINT', pass);
      if (signal) process.kill(process.pid, signal);
      resolve(code ?? 1);
    });
  });
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(path.relative(root, file))
      .update('\0')
      .update(read(file) ?? '')
      .update('\0');
  return hash.digest('hex');
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function took(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function say(label, text) {
  process.stderr.write(`  ${label.padEnd(11)} ${text}\n`);
}

function stop(message, remedy) {
  throw Object.assign(new Error(message), { remedy });
}
