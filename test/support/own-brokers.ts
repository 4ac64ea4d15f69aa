import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kafkaClassPath } from '#tools/services/kafka-programs';
import { choosePort } from '#tools/services/ports';

interface Broker {
  port: number;
  config: string;
  child?: ChildProcess;
}

/** Kafka brokers of one test file, to be killed and started again; each is a controller too. */
export class OwnBrokers {
  private constructor(
    private readonly folder: string,
    private readonly classPath: string,
    private readonly all: Broker[],
  ) {}

  static async start(count: number): Promise<OwnBrokers> {
    const classPath = await kafkaClassPath({ line: () => undefined, warn: () => undefined });
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'own-brokers-'));
    const first = await choosePort(26_100, { count: count * 2 });
    const ports = Array.from({ length: count }, (_, n) => first + n * 2);
    const cluster = randomBytes(16).toString('base64url').slice(0, 22);
    const all = ports.map((port, n): Broker => {
      const config = path.join(folder, `${n + 1}.properties`);
      fs.writeFileSync(config, properties(n + 1, ports, path.join(folder, `data-${n + 1}`)));
      return { port, config };
    });
    const brokers = new OwnBrokers(folder, classPath, all);
    try {
      await Promise.all(
        all.map(({ config }) => brokers.java('kafka.tools.StorageTool', ['format', '-t', cluster, '-c', config])),
      );
      await Promise.all(all.map((_, n) => brokers.revive(n)));
    } catch (error) {
      await brokers.end();
      throw error;
    }
    return brokers;
  }

  get addresses(): string {
    return this.all.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  /** Node ids count from 1, places from 0. */
  async kill(place: number): Promise<void> {
    const child = this.all[place]!.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async revive(place: number): Promise<void> {
    const broker = this.all[place]!;
    const child = spawn(
      'java',
      ['-Xms96m', '-Xmx256m', '-XX:+UseSerialGC', '-cp', this.classPath, 'kafka.Kafka', broker.config],
      { stdio: 'ignore', cwd: this.folder },
    );
    broker.child = child;
    for (const deadline = performance.now() + 90_000; !(await answers(broker.port)); await delay(50))
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`broker ${place + 1} does not start`);
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map((_, place) => this.kill(place)));
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private async java(main: string, args: string[]): Promise<void> {
    const child = spawn('java', ['-cp', this.classPath, main, ...args], { stdio: 'ignore', cwd: this.folder });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${main} ended with ${code}`);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve((socket.destroy(), true)));
    socket.once('error', () => resolve(false));
  });
}

function properties(id: number, ports: number[], data: string): string {
  const port = ports[id - 1]!;
  const copies = Math.min(3, ports.length);
  return `process.roles=broker,controller
node.id=${id}
controller.quorum.voters=${ports.map((each, n) => `${n + 1}@127.0.0.1:${each + 1}`).join(',')}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${data}
offsets.topic.replication.factor=${copies}
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=${copies}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=${copies}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
auto.create.topics.enable=false
log.message.timestamp.type=CreateTime
`;
}
