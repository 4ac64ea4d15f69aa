import type { Json, LeadEvent, LeadState } from '#libs/leads/domain';
import type { Notice } from '#libs/delivery';
import type { PoolClient } from '#libs/platform';
import { actionLabel, type AlertInput } from './domain/index.js';
import type { AlertReader } from './alert.reactor.js';

/** The part of an alert that needs the rulebook: why, and how the score is made up. */
export type Explain = (
  client: PoolClient,
  leads: { id: number; notice: Notice; state: LeadState }[],
) => Promise<Pick<AlertInput, 'rules' | 'score' | 'lines' | 'timeZone'>[]>;

interface LeadRow {
  asked: number;
  id: number;
  state: LeadState;
  actions: { at: number; type: string; name?: string; properties?: LeadEvent['properties'] }[] | null;
}

/** Reads what the alerts of a batch tell, in two statements whatever its size. */
export const alertReader =
  (explain: Explain, options: { apiUrl: string }): AlertReader =>
  async (client, notices) => {
    const found = await client.query<LeadRow>(
      `with asked as (select distinct unnest($1::bigint[]) as lead),
       root as (select a.lead as asked, coalesce(l.merged_into, l.id) as id from asked a join lead l on l.id = a.lead)
       select r.asked, r.id, l.state, t.actions
       from root r join lead l on l.id = r.id
       left join lateral (
         select json_agg(json_build_object('at', (extract(epoch from e.occurred_at) * 1000)::bigint, 'type', e.type,
           'name', e.body->>'name', 'properties', e.body->'properties') order by e.occurred_at desc, e.id desc) as actions
         from (
           select distinct on (e.id) e.* from (select m.id from lead m where m.id = r.id or m.merged_into = r.id) m
           join subject_key k on k.lead = m.id
           cross join lateral (
             (select * from event x where k.key like 'u:%' and x.uid = substr(k.key, 3) and x.kind in ('behaviour', 'identity') order by x.occurred_at desc limit 3)
             union all
             (select * from event x where k.key like 'e:%' and x.email = substr(k.key, 3) and x.kind in ('behaviour', 'identity') order by x.occurred_at desc limit 3)
             union all
             (select * from event x where k.key like 'a:%' and x.anon = substr(k.key, 3) and x.uid is null and x.email is null
                and x.kind = 'behaviour' order by x.occurred_at desc limit 3)
           ) e
         ) e
       ) t on true`,
      [notices.map((notice) => notice.lead)],
    );
    const rows = new Map(found.rows.map((row) => [row.asked, row]));
    const leads = notices.map((notice) => {
      const row = rows.get(notice.lead);
      return { id: row?.id ?? notice.lead, notice, state: row?.state ?? { profile: {}, consent: {}, counters: {} }, actions: row?.actions ?? [] };
    });
    const explained = await explain(client, leads);
    return leads.map(({ id, notice, state, actions }, i) => ({
      ...explained[i]!,
      crossing: notice.event,
      lead: id,
      at: notice.createdAt.getTime(),
      who: whoIs(state, notice.subjectKey),
      actions: actions.slice(0, 3).map((action) => ({ at: action.at, label: actionLabel(action) })),
      links: [{ label: { ja: 'リードの詳細（API）', en: 'Lead (API)' }, url: new URL(`/v1/leads/${id}`, options.apiUrl).href }],
    }));
  };

function whoIs({ profile }: LeadState, subjectKey: string): AlertInput['who'] {
  const text = (name: string): string | undefined => {
    const value: Json | undefined = profile[name]?.value;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    name: text('displayName'),
    company: text('company.name'),
    position: text('jobTitle') ?? text('position'),
    email: text('email') ?? (subjectKey.startsWith('e:') ? subjectKey.slice(2) : undefined),
  };
}
