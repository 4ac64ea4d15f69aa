import { setTimeout as sleep } from 'node:timers/promises';
import { stopKafka } from './kafka.js';
import { checkKafka } from './kafka-health.js';
import { isFree } from './ports.js';
import { checkPostgres, postgresUrl, stopPostgres } from './postgres.js';
import { progressLines } from './progress-lines.js';
import { flushRedis, redisUrl, stopRedis } from './redis.js';
import { readRecord, serviceSet, writeRecord, type Part, type PartRecord, type SetName } from './service-set.js';
import { startNative } from './index.js';

/**
 * What a fault run does to the services of its own set. Only sets that never use somebody else's services have these
 * doors, so nobody's database is crashed by an address left in the environment.
 */
export function breaker(name: Extract<SetName, 'faults' | 'bench' | 'probe' | 'e2e'>) {
  const set = serviceSet(name);
  const quiet = progressLines(() => undefined);
  const record = (part: Part): PartRecord => {
    const found = readRecord(set, part);
    if (!found) throw new Error(`${part} of set ${name} was never started`);
    return found;
  };
  const start = async (part: Part) => {
    const { owner, port } = record(part);
    // the threads of a killed process close its sockets a moment after it counts as gone; a new port would be nobody's address
    const used = part === 'kafka' ? [port, port + 1] : [port];
    for (const deadline = Date.now() + 10_000; Date.now() < deadline && !(await allFree(used));) await sleep(20);
    writeRecord(set, part, { ...(await startNative(set, part, quiet)), owner });
  };
  return {
    /** Like a power cut: nothing is flushed, connections break, the next start recovers. */
    crashPostgres: () => stopPostgres(record('postgres'), 'immediate'),
    startPostgres: async () => {
      await start('postgres');
      await checkPostgres(postgresUrl(record('postgres')));
    },
    stopKafka: () => stopKafka(record('kafka')),
    killKafka: () => stopKafka(record('kafka'), true),
    startKafka: async () => {
      await start('kafka');
      await checkKafka(`127.0.0.1:${record('kafka').port}`);
    },
    flushRedis: () => flushRedis(redisUrl(record('redis'))),
    killRedis: () => stopRedis(record('redis'), true),
    startRedis: () => start('redis'),
  };
}

const allFree = async (ports: number[]) => (await Promise.all(ports.map(isFree))).every(Boolean);
