import type { EventLog } from '#libs/event-log';
import {
  anyToSweep,
  createOutboundAgent,
  deliverJobs,
  dueChannel,
  EmailChannel,
  factsChannel,
  Housekeeping,
  outboxChannel,
  OutboxRelay,
  Pump,
  relayFacts,
  SendLedger,
  SlackChannel,
  sweepLost,
  takeDue,
  WakeUp,
  WebhookChannel,
  type ChannelSender,
  type HandOut,
  type MailPolicy,
  type NoticeHandler,
} from '#libs/delivery';
import { lanes, parseAllowList, type Lane } from '#libs/delivery/domain';
import { alertMail, alertSlackMessage, alertWebhookBody } from '#libs/handoff';
import type { JobQueue, JobRunner } from '#libs/job-queue';
import {
  ConfigError,
  DomainError,
  Histogram,
  type Logger,
  type Pool,
  type Progress,
  type Registry,
} from '#libs/platform';
import type { WorkerConfig } from './worker.config.js';

export interface ActParts {
  config: WorkerConfig;
  pool: Pool;
  log: Logger;
  eventLog: EventLog;
  queue: JobQueue;
  progress: Progress;
  metrics: Registry;
  handOut: HandOut;
  handlers: NoticeHandler[];
  mailPolicy?: MailPolicy;
}

const sweepMs = 5_000;
const housekeepingMs = 10 * 60_000;
/** Each of these is woken by a NOTIFY; what one of them lost is found after this. */
const netMs = 15_000;
const lostAfterMs = 15_000;
/** For mails while the queue has some: they most likely are among those, and a job of many has no id that keeps out its like. */
const lostBehindOthersMs = 300_000;
const dueBatch = 1_000;
const graceMs = 20_000;

const concurrency = (config: WorkerConfig): Record<Lane, number> => ({
  // many wait while few send: so that claims, marks and commits go in large groups. The worker's memory follows this
  mail: config.SMTP_CONNECTIONS * 8,
  'alert-email': 4,
  'alert-slack': 4,
  'alert-webhook': 16,
});

/** The worker's moving parts: the relay, the hand-out, one runner per lane, the sweep and the way of facts back to the log. */
export class Act {
  private readonly handOut: HandOut;
  readonly ledger: SendLedger;
  private readonly senders: ChannelSender[];
  private readonly pumps: Pump[];
  private readonly wakeUp: WakeUp;
  private readonly housekeeping: Housekeeping;
  private runners: JobRunner[] = [];
  private delivered = 0;
  private deliveredBefore = 0;

  constructor(private readonly parts: ActParts) {
    const { config, pool, log, eventLog, progress, handlers, mailPolicy } = parts;
    this.handOut = parts.handOut;
    this.senders = sendersOf(config, mailPolicy);
    this.housekeeping = new Housekeeping(pool, config.OUTBOX_KEEP_DAYS);
    const attempts = new Histogram({
      name: 'leadfold_delivery_age_seconds',
      help: 'From the making of a delivery to the end of an attempt',
      labelNames: ['purpose', 'channel', 'state'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3_600],
      registers: [parts.metrics],
    });
    this.ledger = new SendLedger({
      pool,
      log,
      senders: this.senders,
      handOut: this.handOut,
      policy: mailPolicy,
      leaseMs: config.WORKER_LEASE_SECONDS * 1_000,
      observe: ({ purpose, channel, state, ageMs }) => attempts.observe({ purpose, channel, state }, ageMs / 1_000),
    });
    const relay = (takes: 'crossings' | 'others') =>
      new OutboxRelay({ pool, handlers, handOut: this.handOut, log, takes });
    const [crossings, others] = [relay('crossings'), relay('others')];
    const pump = (name: string, idleMs: number, work: () => Promise<boolean>, restMs?: number) =>
      new Pump({ name, idleMs, work, log, progress, restMs });
    this.pumps = [
      // alerts first: what enrols people by the same events waits until their crossings are handed out
      pump('alerts', netMs, () => crossings.take().finally(() => relayPump.wake())),
      pump('relay', netMs, () => others.take()),
      pump('facts', netMs, () => relayFacts(pool, eventLog), 100),
      pump('sweep', sweepMs, () => this.sweep()),
      // beats nowhere: it has nothing to do for minutes, and nothing waits for it
      new Pump({ name: 'housekeeping', idleMs: housekeepingMs, work: () => this.clean(), log }),
    ];
    const [alertPump, relayPump, factPump, sweepPump] = this.pumps as [Pump, Pump, Pump, Pump];
    this.wakeUp = new WakeUp(
      config.DATABASE_URL,
      {
        [outboxChannel]: () => alertPump.wake(),
        [factsChannel]: () => factPump.wake(),
        [dueChannel]: () => sweepPump.wake(),
      },
      log,
    );
  }

  async start(): Promise<void> {
    const most = concurrency(this.parts.config);
    this.runners = await Promise.all(
      lanes.map((lane) =>
        this.handOut.run(lane, most[lane], async (id) => {
          await this.ledger.deliver(id, lane === 'mail' ? 'any' : 'alert');
          this.delivered += 1;
        }),
      ),
    );
    for (const pump of this.pumps) pump.start();
    await this.wakeUp.start();
  }

  /** Takes nothing new, finishes what is under way, so that a clean stop leaves nothing unknown (I28). */
  async stop(): Promise<void> {
    await this.wakeUp.stop();
    this.housekeeping.stop();
    await Promise.all(this.pumps.map((pump) => pump.stop()));
    await Promise.all([this.handOut.stop(graceMs), ...this.runners.map((runner) => runner.stop(graceMs))]);
    // what does not get through stays in fact_outbox for whoever runs next
    await relayFacts(this.parts.pool, this.parts.eventLog).catch(() => undefined);
    await Promise.all(this.senders.map((sender) => sender.close()));
  }

  private async clean(): Promise<boolean> {
    const rows = await this.housekeeping.clean();
    if (rows) this.parts.log.info({ rows }, 'old notices and facts deleted');
    return false;
  }

  private async sweep(): Promise<boolean> {
    const { pool, mailPolicy, progress, queue } = this.parts;
    if (!(await anyToSweep(pool))) {
      progress.beat('deliver');
      return false;
    }
    for (const end of await sweepLost(pool)) {
      this.parts.log.warn({ delivery: end.id, state: end.state, reason: end.reason }, 'delivery ended by the sweep');
      mailPolicy?.ended?.(end);
    }
    const mails = await queue.counts(deliverJobs.mail).catch(() => ({ waiting: 0, active: 0 }));
    const due = await takeDue(pool, dueBatch, {
      alert: lostAfterMs,
      nurture: mails.waiting + mails.active > 0 ? lostBehindOthersMs : lostAfterMs,
    });
    this.handOut.add(due);
    // deliveries come round again and again and none was attempted: the runners hang, unless the queue itself is away
    if (!due.length || this.delivered !== this.deliveredBefore || !(await queue.reachable().catch(() => false)))
      progress.beat('deliver');
    this.deliveredBefore = this.delivered;
    return due.length >= dueBatch;
  }
}

function sendersOf(config: WorkerConfig, policy?: MailPolicy): ChannelSender[] {
  const senders: ChannelSender[] = [
    new EmailChannel({
      url: config.SMTP_URL,
      maxConnections: config.SMTP_CONNECTIONS,
      from: { name: config.SENDER_NAME, address: config.MAIL_FROM },
      dkim: dkimOf(config),
      render: async (delivery) => {
        if (delivery.purpose === 'alert') return alertMail(delivery);
        if (!policy) throw new DomainError('no-renderer', 'nothing renders nurture mails');
        return policy.render(delivery);
      },
    }),
  ];
  const posting = config.ALERT_SLACK_WEBHOOK_URL ?? config.ALERT_WEBHOOK_URL;
  if (!posting) return senders;
  const agent = createOutboundAgent(parseAllowList(config.OUTBOUND_ALLOW));
  if (config.ALERT_SLACK_WEBHOOK_URL)
    senders.push(new SlackChannel({ url: config.ALERT_SLACK_WEBHOOK_URL, agent, message: alertSlackMessage }));
  if (config.ALERT_WEBHOOK_URL) {
    const secrets = config.ALERT_WEBHOOK_SECRETS?.split(' ') ?? [];
    if (!secrets.length)
      throw new ConfigError([
        { name: 'ALERT_WEBHOOK_SECRETS', problem: 'is needed with ALERT_WEBHOOK_URL: alerts are always signed' },
      ]);
    senders.push(new WebhookChannel({ url: config.ALERT_WEBHOOK_URL, secrets, agent, body: alertWebhookBody }));
  }
  return senders;
}

function dkimOf(config: WorkerConfig) {
  const { DKIM_DOMAIN: domainName, DKIM_SELECTOR: keySelector, DKIM_PRIVATE_KEY: key } = config;
  if (!domainName || !keySelector || !key) return undefined;
  return { domainName, keySelector, privateKey: key.replaceAll('\\n', '\n') };
}
