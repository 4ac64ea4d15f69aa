import fs from 'node:fs';
import path from 'node:path';
import { localFolder, readJson, writeJson } from '../project.js';
import type { ProcessId } from './processes.js';

/** Each has its own ports and data, so that a test or fault run never touches a running system. `probe` is for tests of these tools. */
export type SetName = 'dev' | 'demo' | 'demo-embedded' | 'test' | 'faults' | 'bench' | 'probe' | 'e2e';
export type Part = 'postgres' | 'kafka' | 'redis' | 'mail';
export const parts: Part[] = ['postgres', 'kafka', 'redis', 'mail'];
export const partLabel: Record<Part, string> = {
  postgres: 'PostgreSQL',
  kafka: 'Kafka',
  redis: 'Redis',
  mail: 'mail sink',
};

export interface ServiceSet {
  name: SetName;
  folder: string;
  /** Prefix of the environment variables that name services to use instead; null: always our own, because they are killed. */
  environmentPrefix: string | null;
  docker: boolean;
  /** False in tests only: their data is worth nothing after the run. */
  durable: boolean;
  /** Added to the ports of the apps. */
  appShift: number;
  ports: { postgres: number; kafka: number; redis: number; smtp: number; mailbox: number };
}

const shift: Record<SetName, number> = {
  dev: 0,
  demo: 200,
  test: 400,
  faults: 600,
  bench: 800,
  probe: 1000,
  'demo-embedded': 1200,
  e2e: 1400,
};

export function serviceSet(name: SetName): ServiceSet {
  const by = shift[name];
  return {
    name,
    folder: path.join(localFolder, name),
    environmentPrefix: {
      dev: '',
      demo: '',
      'demo-embedded': '',
      test: 'TEST_',
      faults: null,
      bench: null,
      probe: null,
      e2e: null,
    }[name],
    docker: name === 'dev' || name === 'demo' || name === 'test',
    durable: name !== 'test',
    appShift: by,
    ports: { postgres: 24432 + by, kafka: 24092 + by, redis: 24379 + by, smtp: 24025 + by, mailbox: 24080 + by },
  };
}

/**
 * What is remembered of a part between runs. `owner` stops it at its end; null: until `services down`. Without one it is being
 * started, or was when its starter was killed: whoever comes next answers for it.
 */
export interface PartRecord {
  port: number;
  secondPort?: number;
  process?: ProcessId;
  owner?: ProcessId | null;
  password?: string;
  /** Where data and programs lie when the clone itself is closed to the database user. */
  folder?: string;
}

const fileOf = (set: ServiceSet, part: Part) => path.join(set.folder, `${part}.json`);

export const readRecord = (set: ServiceSet, part: Part) => readJson<PartRecord>(fileOf(set, part));
export const writeRecord = (set: ServiceSet, part: Part, record: PartRecord) => writeJson(fileOf(set, part), record);
export const logFile = (set: ServiceSet, part: Part) => path.join(set.folder, `${part}.log`);

/** The last lines of a log, for a failure's message. */
export function logTail(file: string, lines = 12): string {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
