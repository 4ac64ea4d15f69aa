import { spawnSync } from 'node:child_process';
import { kafkaMissing, redisMissing } from '../services/kafka-programs.js';
import type { ProgressLines } from '../services/progress-lines.js';

/** Only in CI, only as root on Debian: elsewhere a test installs nothing on anybody's system. */
export async function installInCi(progress: ProgressLines): Promise<void> {
  const isDebian = process.platform === 'linux' && spawnSync('apt-get', ['--version']).status === 0;
  if (process.env['CI'] !== 'true' || process.getuid?.() !== 0 || !isDebian) return;
  const packages: string[] = [];
  if (!process.env['TEST_KAFKA_BROKERS'] && (await kafkaMissing())) packages.push('default-jre-headless', 'maven');
  if (!process.env['TEST_REDIS_URL'] && (await redisMissing())) packages.push('redis-server');
  if (!packages.length) return;
  progress.line('packages', `apt-get install ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  apt('update', '-qq');
  // what is still missing afterwards fails the run with its reason
  apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
}
