import type { Handled, Notice, NoticeHandler } from '#libs/delivery';
import { databaseNow, type PoolClient } from '#libs/platform';
import { awaitsAccount, readsAccount } from './domain/scenario-conditions.js';
import { awaitedSignals } from './domain/scenario.js';
import { newRun } from './domain/advance.js';
import { readLeads } from './lead-view.store.js';
import {
  createRun,
  runsToWake,
  underWayAt,
  wakeRuns,
  wakeRunsAt,
  wakeRunsOf,
  type ScenarioVersion,
} from './run.store.js';
import { stepRuns, type StepParts, type Stepped } from './run-steps.js';
import { readActiveScenarios, type ActiveScenario } from './scenario.store.js';

/**
 * Enters people into scenarios and tells their runs what happened, in the relay's transaction. The first steps are taken
 * at once: "sent after download" does not wait for a timer.
 */
export class EnrolReactor implements NoticeHandler {
  readonly kinds = ['signal', 'segment', 'crossing', 'condition'] as const;

  constructor(
    private readonly parts: StepParts,
    private readonly keepDays: number,
    private readonly onScheduled: (scheduled: Stepped['scheduled']) => void = () => undefined,
  ) {}

  async handle(client: PoolClient, notices: Notice[]): Promise<Handled> {
    // no scenario begins by a crossing, and its alert waits for this: one statement
    const waking = notices.filter(onlyWakes);
    const people = waking.filter((notice) => accountOf(notice) === undefined).map((notice) => notice.subjectKey);
    const touched = new Set(people.length ? await wakeRunsOf(client, people) : []);
    for (const id of await this.wakeByCompany(client, waking)) touched.add(id);
    const entering = notices.filter((notice) => !onlyWakes(notice));
    const late = entering.length ? await this.statedAgain(client, entering) : new Set();
    await this.enter(
      client,
      entering.filter((notice) => !late.has(notice.id)),
      touched,
    );
    const { created, scheduled } = await stepRuns(client, [...touched].sort(), this.parts, true);
    this.onScheduled(scheduled);
    return { created };
  }

  /**
   * A judgement states the signals of the event it judges again. The first notice tells that they are known, but it is
   * deleted after `keepDays`: what was folded so long ago was stated then. How long the event waited in the log, or in
   * quarantine, does not matter.
   */
  private async statedAgain(client: PoolClient, notices: Notice[]): Promise<Set<number>> {
    const signals = notices.filter((notice) => notice.kind === 'signal');
    const late = await client.query<{ id: number }>(
      `select n.id from unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) as n(id, event, at)
       join event e on e.id = n.event join batch b on b.id = e.batch and b.known_at < n.at - $4::int * interval '1 day'`,
      [signals.map((n) => n.id), signals.map((n) => n.event), signals.map((n) => n.createdAt), this.keepDays],
    );
    return new Set(late.rows.map((row) => row.id));
  }

  private async enter(client: PoolClient, notices: Notice[], touched: Set<string>): Promise<void> {
    if (!notices.length) return;
    // a quiet event enrols nobody: imports, publishes and corrections send no mail
    const entering = notices.some((notice) => notice.quietCause === null);
    const active = entering ? await readActiveScenarios(client, this.parts.versions) : [];
    const leads = await readLeads(
      client,
      notices.map((notice) => notice.subjectKey),
    );
    const judging = active.some(({ scenario }) => scenario.entry.when !== undefined);
    const company = active.some(({ scenario }) => readsAccount(scenario));
    const now = judging ? await databaseNow(client) : undefined;
    const holds = judging
      ? await this.parts.judge(client, company ? { records: leads.values(), now: now!.getTime() } : undefined)
      : undefined;
    for (const notice of notices) {
      const record = leads.get(notice.subjectKey);
      if (!record) continue;
      if (notice.kind === 'signal')
        for (const id of await this.wakeBySignal(client, notice, record.lead)) touched.add(id);
      if (notice.quietCause !== null) continue;
      for (const entered of active) {
        const { entry } = entered.scenario;
        if (!opens(entered, notice)) continue;
        if (entry.when && !holds!(entry.when, record, now!.getTime())) continue;
        const id = await createRun(client, {
          key: `${entered.scenario.name}:${notice.event}`,
          scenario: entered.scenario.name,
          version: entered.version,
          lead: record.lead,
          subjectKey: notice.subjectKey,
          entryEvent: notice.event,
          run: newRun(entered.scenario),
          againAfterDays: entered.scenario.reentry === 'never' ? null : entered.scenario.reentry.afterDays,
        });
        if (id) touched.add(id);
      }
    }
  }

  /**
   * A company may have thousands of people, and this transaction is the relay's: all of their runs that wait for something
   * about it are due now, some are stepped here, and the sweep of due runs takes the others.
   */
  private async wakeByCompany(client: PoolClient, notices: Notice[]): Promise<string[]> {
    const accounts = [...new Set(notices.flatMap((notice) => accountOf(notice) ?? []))];
    if (!accounts.length) return [];
    const awaiting: ScenarioVersion[] = [];
    for (const version of await underWayAt(client, accounts))
      if (awaitsAccount(await this.parts.versions.read(client, version.scenario, version.version)))
        awaiting.push(version);
    return awaiting.length ? (await wakeRunsAt(client, accounts, awaiting)).slice(0, mostAtOnce) : [];
  }

  /** Runs of scenarios that await the signal look again; the entry signal itself does not count as one that came later. */
  private async wakeBySignal(client: PoolClient, notice: Notice, lead: number): Promise<string[]> {
    const runs = await runsToWake(client, lead, notice.event);
    const awaiting: number[] = [];
    for (const run of runs) {
      const scenario = await this.parts.versions.read(client, run.scenario, run.version);
      if (awaitedSignals(scenario).includes(notice.name)) awaiting.push(lead);
    }
    return awaiting.length ? wakeRuns(client, [lead], notice.name) : [];
  }
}

const mostAtOnce = 200;

/** The company that a notice is about, if it is about one. */
const accountOf = ({ payload: { account } }: Notice): string | undefined =>
  typeof account === 'string' ? account : undefined;

/** Nobody enters by these: runs under way look again. */
const onlyWakes = ({ kind }: Notice): boolean => kind === 'crossing' || kind === 'condition';

function opens({ scenario: { entry } }: ActiveScenario, notice: Notice): boolean {
  return 'signal' in entry
    ? notice.kind === 'signal' && entry.signal === notice.name
    : notice.kind === 'segment' && entry.segment === notice.name;
}
