import type { LeadEvent } from '#libs/leads/domain';
import { eventIdOf } from '#libs/platform';

/** Somebody whose every string is hers alone, so that a byte found is a byte of hers. */
export const kaori = {
  email: 'kaori.mizushima@example.co.jp',
  userId: 'main:kx-90417',
  browser: 'browser-of-kaori-77c1',
  phone: '03-9417-2265',
  family: '水嶋',
  given: '香織',
};
export const herNames = [...Object.values(kaori), 'kaori.mizushima', 'kx-90417'];

let serial = 0;
export function deed(fields: Partial<LeadEvent> & Pick<LeadEvent, 'type'>, at = Date.now()): LeadEvent {
  return {
    id: eventIdOf('www', `deed-${serial++}`),
    source: 'www',
    occurredAt: at,
    receivedAt: at,
    properties: {},
    ...fields,
  };
}

const day = 86_400_000;
const on = { anonymousId: kaori.browser };
const page = (path: string, at: number): LeadEvent =>
  deed({ type: 'page', ...on, name: path, properties: { path, title: path } }, at);

/** Visits, a sign-up, a material request: she is hot, gets a mail, and sales gets an alert. */
export const herDeeds = (now: number): LeadEvent[] => [
  ...['/', '/products/flow', '/products/insight', '/pricing'].map((path, index) => page(path, now - 3 * day + index)),
  deed(
    {
      type: 'track',
      name: 'Newsletter Signed Up',
      ...on,
      email: kaori.email,
      links: true,
      properties: {
        lastName: kaori.family,
        firstName: kaori.given,
        phone: kaori.phone,
        company: '株式会社ソラ',
        employees: 480,
        position: '課長',
        industry: '製造',
        consent: true,
      },
    },
    now - day,
  ),
  deed(
    { type: 'identify', ...on, userId: kaori.userId, email: kaori.email, links: true, traits: { email: kaori.email } },
    now - 3_600_000,
  ),
  deed(
    {
      type: 'track',
      name: 'Material Requested',
      ...on,
      userId: kaori.userId,
      email: kaori.email,
      links: true,
      properties: { material: 'guide', introductionBy: new Date(now + 60 * day).toISOString().slice(0, 10) },
    },
    now,
  ),
];
