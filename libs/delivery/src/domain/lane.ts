export type Purpose = 'nurture' | 'alert';
export type Channel = 'email' | 'slack' | 'webhook';

/**
 * Deliveries that may hold each other up share a lane; each lane has a queue and workers of its own. A backlog of mails
 * never delays an alert, and a slow endpoint delays only its own alerts. Names are stored in the queue: never changed.
 */
export const lanes = ['mail', 'alert-email', 'alert-slack', 'alert-webhook'] as const;
export type Lane = (typeof lanes)[number];

export const laneOf = (delivery: { purpose: Purpose; channel: Channel }): Lane =>
  delivery.purpose === 'nurture' ? 'mail' : `alert-${delivery.channel}`;
