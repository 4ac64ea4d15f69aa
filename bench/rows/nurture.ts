import PostalMime from 'postal-mime';
import { topics } from '#libs/event-log';
import { createJobQueue, jobQueueConfig, type JobQueue } from '#libs/job-queue';
import { encodeEvent, recordKeyOf, type LeadEvent } from '#libs/leads/domain';
import { eventIdOf, parseConfig } from '#libs/platform';
import { ensureDefaultRulebook } from '#libs/projection';
import { advanceRunJob, ensureDefaultScenarios, jobsOf, suppress } from '#libs/nurture';
import type { MailsRequest } from '../floors/mail-pool.js';
import { appPid, makePlace, quiet, sourceId, until, type Place } from '../support/bench-system.js';
import { startChild, type Child } from '../support/child.js';
import { peakMb } from '../support/cpu.js';
import { appendAll } from '../support/log-workload.js';
import { notePeak } from '../support/peaks.js';
import { measureRatio, summarize, type RatioRow, type Stretch } from '../support/ratio.js';
import { rateOf, ratioResult } from '../support/report.js';
import type { Row } from '../support/row.js';

const connections = 10;
const address = (lead: number) => `lead${lead}@bench.example`;
const scenario = 'material-follow-up';
const step = 'cases';

/** Mails a second of one step to due leads, from the timer to the mail server; done when the ledger says so too. */
export const nurtureSend: Row = async (bench) => {
  const leads = bench.options.quick ? 1_000 : 5_000;
  const place = await makePlace(bench);
  const children: Child[] = [];
  try {
    const sink = await startChild('sinks/smtp-sink');
    const floor = await startChild('floors/mail-pool');
    children.push(sink, floor);
    await ensureDefaultRulebook(place.pool);
    await ensureDefaultScenarios(place.pool);
    const system = await place.start({
      apps: ['projector', 'worker'],
      env: {
        SMTP_URL: `smtp://127.0.0.1:${sink.ready.port}?ignoreTLS=true`,
        SMTP_CONNECTIONS: String(connections),
        SENDER_ADDRESS: '1-1 Bench, Tokyo',
        NURTURE_QUIET_HOURS: 'off',
        MAIL_PER_DAY: '100000',
        MAIL_PER_WEEK: '100000',
      },
    });
    const queue = createJobQueue(
      {
        ...parseConfig(jobQueueConfig, { JOB_QUEUE: 'redis', REDIS_URL: bench.services.redisUrl, ...place.env }),
        DATABASE_URL: place.databaseUrl,
      },
      quiet,
    );
    try {
      // the first step goes to everybody by the usual way: a request, enrolment, thanks
      await appendAll(
        place.eventLog,
        Array.from({ length: leads }, (_, lead) => requestOf(lead)),
      );
      const total = () => sink.call<{ total: number; lastAt: number }>('total');
      await until('the first step is sent', 300_000, async () => (await total()).total >= leads, 100);
      await place.pool.query("update run set state = 'completed', due_at = null");
      const gone = Array.from({ length: leads }, (_, lead) => lead).filter((lead) => lead % 20 === 7);
      for (const lead of gone)
        await suppress(place.pool, { email: address(lead), reason: 'unsubscribe', source: 'api' });
      const mail = await PostalMime.parse(await sink.call<string>('sample'));
      const request: MailsRequest = {
        port: sink.ready.port,
        connections,
        mails: leads,
        subject: mail.subject ?? '',
        html: mail.html ?? '',
        text: mail.text ?? '',
      };
      const row: RatioRow = {
        name: 'nurture.send',
        unit: 'mails',
        reps: bench.options.reps,
        must: 0.3,
        goal: 0.6,
        roots: () => ({
          ...bench.servicePids,
          worker: appPid(system, 'worker'),
          projector: appPid(system, 'projector'),
          sink: sink.pid,
          floor: floor.pid,
        }),
        subjectRoots: () => ({ ...bench.servicePids, worker: appPid(system, 'worker') }),
        floor: async () => {
          const passes = Math.max(1, Math.ceil(bench.options.seconds / 2.5));
          const { seconds } = await floor.call<{ seconds: number }>('send', { ...request, mails: leads * passes });
          return { units: leads * passes, seconds };
        },
        subject: () => oneStep(place, queue, sink, leads, new Set(gone.map(address))),
      };
      const reps = await measureRatio(row, bench.report);
      const summary = summarize(row, reps);
      const peaks = { worker: peakMb(appPid(system, 'worker')), projector: peakMb(appPid(system, 'projector')) };
      for (const [name, mb] of Object.entries(peaks)) notePeak(name, 'nurture.send', mb);
      bench.report({ ...summary, bench: 'nurture.send', peaks, mailBytes: request.html.length + request.text.length });
      return [ratioResult(summary, `${rateOf(summary.subject)} mails/s; worker peak ${peaks.worker.toFixed(0)} MB`)];
    } finally {
      await queue.close();
      await system.stop();
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await place.end();
  }
};

function requestOf(lead: number) {
  const now = Date.now();
  const event: LeadEvent = {
    id: eventIdOf(sourceId, `material-${lead}`),
    type: 'track',
    source: sourceId,
    occurredAt: now,
    receivedAt: now,
    anonymousId: `anon-${lead}`,
    email: address(lead),
    links: true,
    name: 'Material Requested',
    properties: {
      email: address(lead),
      lastName: '鈴木',
      firstName: String(lead),
      company: `Company ${lead}`,
      consent: true,
      material: 'White paper',
    },
  };
  return { topic: topics.urgent, ...encodeEvent(event, recordKeyOf(event)) };
}

/** New runs that stand before their second mail, all due; then their jobs, as the timer would give them out. */
async function oneStep(
  place: Place,
  queue: JobQueue,
  sink: Child,
  leads: number,
  gone: ReadonlySet<string>,
): Promise<Stretch> {
  await sink.call('reset');
  const { rows } = await place.pool.query<{ id: string }>(
    `insert into run (id, key, scenario, version, lead, subject_key, entry_event, step, data, due_at, entered_at, enqueued_at)
     select gen_random_uuid(), gen_random_uuid()::text, scenario, version, lead, subject_key, entry_event, 'pause',
       jsonb_build_object('seen', '[]'::jsonb, 'until', floor(extract(epoch from now()) * 1000 - 1000)), now() - interval '1 second', now(), now()
     from (select distinct on (lead) * from run where scenario = $1 order by lead, entered_at) first
     returning id`,
    [scenario],
  );
  const ids = rows.map((row) => row.id);
  const started = performance.now();
  await queue.enqueueMany(advanceRunJob, jobsOf(ids, 'bench'));
  const open = `select (select count(*) from run where id = any($1::uuid[]) and state = 'active')::int
    + (select count(*) from delivery where run = any($1::uuid[]) and state in ('pending', 'sending'))::int as n`;
  // asking the ledger about all of them costs as much as sending some: only when the mail server has nearly all, or takes long
  const wanted = leads - gone.size;
  let asked = performance.now();
  await until('every delivery of the step has ended', 300_000, async () => {
    const { total } = await sink.call<{ total: number }>('total');
    if (total < wanted && performance.now() - asked < 2_000) return false;
    asked = performance.now();
    const { rows } = await place.pool.query<{ n: number }>(open, [ids]);
    return rows[0]!.n === 0;
  });
  const seconds = (performance.now() - started) / 1000;
  const counts = await sink.call<Map<string, number>>('counts');
  const states = await place.pool.query<{ state: string; n: number }>(
    'select state, count(*)::int as n from delivery where run = any($1::uuid[]) and step = $2 group by state',
    [ids, step],
  );
  const sent = states.rows.find((row) => row.state === 'sent')?.n ?? 0;
  const doubled = [...counts.values()].filter((count) => count !== 1).length;
  const unwanted = [...counts.keys()].filter((one) => gone.has(one)).length;
  const right = counts.size === leads - gone.size && doubled === 0 && unwanted === 0 && sent === counts.size;
  const wrong = `${counts.size} recipients, ${doubled} with another number than one, ${unwanted} unsubscribed, states ${JSON.stringify(states.rows)}`;
  return { units: counts.size, seconds, ...(right ? {} : { wrong }) };
}
