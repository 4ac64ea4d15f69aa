import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kafkaClassPath } from './kafka-programs.js';
import { choosePort } from './ports.js';
import { end, findByCommandLine, isAlive, startDetached } from './processes.js';
import { ServiceError, type ProgressLines } from './progress-lines.js';
import { logFile, logTail, readRecord, writeRecord, type PartRecord, type ServiceSet } from './service-set.js';

const run = promisify(execFile);

export const kafkaBrokers = (record: PartRecord) => `127.0.0.1:${record.port}`;

/** One broker that is its own controller (KRaft). */
export async function startKafka(set: ServiceSet, progress: ProgressLines): Promise<PartRecord> {
  const known = readRecord(set, 'kafka');
  const folder = path.join(set.folder, 'kafka');
  const config = path.join(folder, 'server.properties');
  if (known) {
    const running = (await isAlive(known.process)) ? known.process : await findByCommandLine('java', config);
    if (running) return { ...known, process: running };
  }
  const classPath = await kafkaClassPath(progress);
  const port = await choosePort(known?.port ?? set.ports.kafka, { count: 2 });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(config, serverProperties(folder, port));
  writeRecord(set, 'kafka', { port });
  if (!fs.existsSync(path.join(folder, 'formatted'))) {
    fs.rmSync(path.join(folder, 'data'), { recursive: true, force: true });
    const id = randomUUID().replaceAll('-', '').slice(0, 22);
    await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config]).catch(
      (error: Error) => {
        throw new ServiceError(
          `Kafka's data folder could not be made: ${error.message}`,
          `Free the folder ${folder} and try again.`,
        );
      },
    );
    fs.writeFileSync(path.join(folder, 'formatted'), id);
  }
  const args = [collector, ...kafkaJvmFlags, '-cp', classPath, 'kafka.Kafka', config];
  const process_ = await startDetached('java', args, { log: logFile(set, 'kafka'), cwd: folder });
  const record = { port, process: process_ };
  writeRecord(set, 'kafka', record);
  for (const deadline = Date.now() + 90_000; !(await portAnswers(port)); await sleep(50)) {
    if (Date.now() < deadline && (await isAlive(process_))) continue;
    throw new ServiceError(
      `Kafka does not start:\n${logTail(logFile(set, 'kafka'))}`,
      `See ${logFile(set, 'kafka')}; \`npm run services -- down\` and a new try may help.`,
    );
  }
  return record;
}

/** `kill` is a crash (kill -9); otherwise the broker shuts down in order. */
export async function stopKafka(record: PartRecord, kill = false): Promise<void> {
  await end(record.process, 20_000, kill ? 'SIGKILL' : 'SIGTERM');
}

function portAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve((socket.destroy(), true)));
    socket.once('error', () => resolve(false));
  });
}

/**
 * Without counters for other programs, which it would write twenty times a second, and without a stop of all its threads every
 * second for nobody: an eighth of what an idle broker takes. Newer machines may not know the flag any more.
 */
export const kafkaJvmFlags = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:-UsePerfData',
  '-XX:+IgnoreUnrecognizedVMOptions',
  '-XX:+UnlockDiagnosticVMOptions',
  '-XX:GuaranteedSafepointInterval=0',
];

/** A collector without threads of its own: the heap is small. */
const collector = '-XX:+UseSerialGC';

/**
 * What docker-compose.yml's broker is told as well; a test compares. After a crash the broker is let in again only when its old
 * session is over: no longer than it takes to start. Idle, it writes no records to itself and has few threads that look for
 * work several times a second.
 */
export const kafkaTuning: Record<string, string> = {
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '1500',
  'auto.create.topics.enable': 'false',
  'metadata.max.idle.interval.ms': '0',
  'num.io.threads': '2',
  'num.network.threads': '1',
  'group.coordinator.threads': '1',
  'background.threads': '2',
};

/** A static quorum: its address may change with the next start, where a dynamic one keeps the first in its log. */
const serverProperties = (folder: string, port: number) => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${port + 1}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${path.join(folder, 'data')}
${Object.entries(kafkaTuning)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('')}`;
