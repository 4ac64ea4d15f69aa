import type { SendGate } from '#libs/delivery';
import { closedDates } from './closed-days.js';
import type { NurtureConfig } from './nurture.config.js';

/**
 * Consent, caps and quiet hours in the statement that claims. Reasons are stored by others: `no-consent` ends the
 * delivery; `cap-day`, `cap-week` and `quiet-hours` put it off. What lies with the mail server counts as sent.
 */
export function sendGate(config: NurtureConfig, zone: string): SendGate {
  const always = config.NURTURE_QUIET_HOURS === 'off';
  return {
    policy: {
      zone,
      days: always ? [1, 2, 3, 4, 5, 6, 7] : config.MAIL_DAYS.split(',').map(Number),
      from: always ? 0 : config.MAIL_FROM_HOUR,
      until: always ? 24 : config.MAIL_UNTIL_HOUR,
      closed: always ? [] : closedDates(config),
      perDay: config.MAIL_PER_DAY,
      perWeek: config.MAIL_PER_WEEK,
    },
    once: onceSql,
    sql: gateSql,
  };
}

// about no delivery in particular. Never opening within weeks means later, not now
const onceSql = /* sql */ `
  select at.now, coalesce(min(greatest(at.now, (day + ($policy ->> 'from')::int * interval '1 hour') at time zone ($policy ->> 'zone')))
    filter (where $policy -> 'days' @> to_jsonb(extract(isodow from day)::int)
      and not $policy -> 'closed' ? to_char(day, 'YYYY-MM-DD')
      and (day + ($policy ->> 'until')::int * interval '1 hour') at time zone ($policy ->> 'zone') > at.now),
    at.now + interval '30 days') as opens
  from (select leadfold_now() as now offset 0) at, generate_series(0, 40) as n,
    lateral (select date_trunc('day', at.now at time zone ($policy ->> 'zone')) + n * interval '1 day' as day offset 0) local
  group by at.now`;

const gateSql = /* sql */ `
  select
    case when consent.state is distinct from 'granted' then 'no-consent'
      when caps.day_full is not null then 'cap-day' when caps.week_full is not null then 'cap-week'
      when clock.opens > clock.now then 'quiet-hours' end as refusal,
    case when consent.state is distinct from 'granted' then null
      when caps.day_full is not null then caps.day_full when caps.week_full is not null then caps.week_full
      when clock.opens > clock.now then clock.opens end as until
  from once clock
  left join lateral (
    select root.state #>> '{consent,marketing,value,state}' as state
    from subject_key k join lead own on own.id = k.lead join lead root on root.id = coalesce(own.merged_into, own.id)
    where k.key = d.subject_key) consent on true
  cross join lateral (
    select
      case when count(*) filter (where at > clock.now - interval '1 day') >= ($policy ->> 'perDay')::int
        then min(at) filter (where at > clock.now - interval '1 day') + interval '1 day' + interval '1 second' end as day_full,
      case when count(*) >= ($policy ->> 'perWeek')::int then min(at) + interval '7 days' + interval '1 second' end as week_full
    from (
      select o.ended_at as at from delivery o
      where o.recipient = d.recipient and o.state = 'sent' and o.ended_at > clock.now - interval '7 days' and o.purpose = 'nurture'
      union all
      select coalesce(o.handed_off_at, clock.now) from delivery o
      where o.lead = d.lead and o.recipient = d.recipient and o.state in ('sending', 'unknown') and o.purpose = 'nurture'
        and o.id <> d.id and o.created_at > clock.now - interval '30 days'
        and coalesce(o.handed_off_at, clock.now) > clock.now - interval '7 days') mails) caps`;
