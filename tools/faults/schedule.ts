import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '#tools/traffic/random';
import { breaker } from '../services/break.js';
import type { AppName, System } from '../supervisor/system.js';
import type { Outside } from './outside.js';

export type Blow =
  | { kind: 'kill'; app: AppName; when: 'any' | 'mail-in-hand' | 'alert-in-hand' }
  | { kind: 'postgres-crash'; awayMs: number }
  | { kind: 'kafka-restart'; awayMs: number; hard: boolean }
  | { kind: 'redis-flush' }
  | { kind: 'redis-away'; awayMs: number };

export interface Struck {
  kills: Record<AppName, number>;
  /** Kills of the worker while the outside had a message in hand. */
  killsPastHandOff: number;
  postgresCrashes: number;
  kafkaRestarts: number;
  redisFlushes: number;
  redisAwayMs: number;
}

const appNames: AppName[] = ['collector', 'projector', 'worker', 'api'];

/** Shuffled by the seed. The services are struck in the middle, where there is work on both sides. */
export function planBlows(
  random: Random,
  options: { killsPerApp: number; services: boolean; redisAwayMs: number },
): Blow[] {
  const blows: Blow[] = appNames.flatMap((app) =>
    Array.from({ length: options.killsPerApp }, (_, nth): Blow => {
      const when = app !== 'worker' ? 'any' : nth === 0 ? 'mail-in-hand' : nth === 1 ? 'alert-in-hand' : 'any';
      return { kind: 'kill', app, when };
    }),
  );
  shuffle(random, blows);
  if (!options.services) return blows;
  const services: Blow[] = [
    { kind: 'redis-flush' },
    { kind: 'postgres-crash', awayMs: random.between(500, 3_000) },
    { kind: 'kafka-restart', awayMs: random.between(500, 3_000), hard: random.chance(0.5) },
    { kind: 'redis-flush' },
    ...(options.redisAwayMs ? [{ kind: 'redis-away', awayMs: options.redisAwayMs } as const] : []),
  ];
  shuffle(random, services);
  const gap = blows.length / (services.length + 1);
  services.forEach((blow, index) => blows.splice(Math.round(gap * (index + 1)) + index, 0, blow));
  return blows;
}

function shuffle<T>(random: Random, list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

export class Schedule {
  readonly struck: Struck = {
    kills: { collector: 0, projector: 0, worker: 0, api: 0 },
    killsPastHandOff: 0,
    postgresCrashes: 0,
    kafkaRestarts: 0,
    redisFlushes: 0,
    redisAwayMs: 0,
  };
  private done = 0;
  /** When an app was killed, or a service was let start again. */
  private feltAt = 0;
  private startedAt = performance.now();

  constructor(
    private readonly blows: Blow[],
    private readonly system: System,
    private readonly services: ReturnType<typeof breaker>,
    private readonly outside: Outside,
    private readonly random: Random,
    private readonly tell: (text: string) => void,
    private readonly afterBlow?: (since: number) => Promise<void>,
  ) {}

  async run(pauseMs: [number, number], signal: AbortSignal): Promise<void> {
    this.startedAt = performance.now();
    for (const blow of this.blows) {
      await sleep(this.random.between(...pauseMs), undefined, { signal });
      this.tell(`${this.done + 1}/${this.blows.length} ${words(blow)}`);
      await this.strike(blow);
      await this.afterBlow?.(this.feltAt);
      this.done += 1;
    }
  }

  /** How long the blows that are left will take, by those that fell already. */
  get leftMs(): number {
    const left = this.blows.slice(this.done);
    const each = this.done ? (performance.now() - this.startedAt - this.struck.redisAwayMs) / this.done : 4_000;
    return left.reduce((total, blow) => total + each + (blow.kind === 'redis-away' ? blow.awayMs : 0), 0);
  }

  private async strike(blow: Blow): Promise<void> {
    switch (blow.kind) {
      case 'kill':
        return this.kill(blow.app, blow.when);
      case 'postgres-crash':
        await this.services.crashPostgres();
        await sleep(blow.awayMs);
        this.feltAt = performance.now();
        await this.services.startPostgres();
        this.struck.postgresCrashes += 1;
        return;
      case 'kafka-restart':
        await (blow.hard ? this.services.killKafka() : this.services.stopKafka());
        await sleep(blow.awayMs);
        this.feltAt = performance.now();
        await this.services.startKafka();
        this.struck.kafkaRestarts += 1;
        return;
      case 'redis-flush':
        this.feltAt = performance.now();
        await this.services.flushRedis();
        this.struck.redisFlushes += 1;
        return;
      case 'redis-away':
        await this.services.killRedis();
        await sleep(blow.awayMs);
        this.feltAt = performance.now();
        await this.services.startRedis();
        this.struck.redisAwayMs += blow.awayMs;
    }
  }

  /** Only what runs can be killed: a process that is still starting has nothing in its hands. */
  private async kill(app: AppName, when: 'any' | 'mail-in-hand' | 'alert-in-hand'): Promise<void> {
    const target = [...this.system.apps.values()].filter((each) => each.spec.app === app);
    const victim = target[this.random.between(0, target.length - 1)]!;
    for (const deadline = performance.now() + 90_000; !(await victim.isReady()); await sleep(100))
      if (performance.now() > deadline) throw new Error(`${victim.spec.name} was not ready again within 90 s`);
    const hit = (): boolean => {
      const pid = victim.kill('SIGKILL');
      this.feltAt = performance.now();
      if (pid) this.struck.kills[app] += 1;
      return pid !== undefined;
    };
    if (when === 'any') {
      await sleep(this.random.between(0, 700));
      hit();
      return;
    }
    const caught = await new Promise<boolean>((resolve) => {
      const trap = () => resolve(hit());
      if (when === 'mail-in-hand') this.outside.onNextMail(trap);
      else this.outside.onNextAlert(trap);
      setTimeout(() => resolve(false), 20_000);
    });
    if (caught) this.struck.killsPastHandOff += 1;
    else hit();
  }
}

function words(blow: Blow): string {
  switch (blow.kind) {
    case 'kill':
      return `kill -9 ${blow.app}${blow.when === 'any' ? '' : blow.when === 'mail-in-hand' ? ' with a mail at the mail server' : ' with an alert at its receiver'}`;
    case 'postgres-crash':
      return `PostgreSQL crashes (-m immediate), away for ${blow.awayMs} ms`;
    case 'kafka-restart':
      return `Kafka broker ${blow.hard ? 'killed' : 'stopped'}, away for ${blow.awayMs} ms`;
    case 'redis-flush':
      return 'FLUSHALL on Redis';
    case 'redis-away':
      return `Redis away for ${blow.awayMs / 1000} s`;
  }
}
