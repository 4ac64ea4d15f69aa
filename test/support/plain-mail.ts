import type { MailPolicy } from '#libs/delivery';

/** Mails without templates or consent: what is tested is how they are sent. */
export const plainMail: MailPolicy = {
  gate: { sql: 'select null::text as refusal, null::timestamptz as until', policy: {} },
  render: async (delivery) => ({ subject: `step ${delivery.step}`, html: `<p>${delivery.id}</p>`, text: delivery.id }),
  bounced: async (client, delivery) => {
    await client.query(
      `insert into suppression (hash, address, reason, event, at)
       values (encode(sha256(convert_to($1, 'UTF8')), 'hex'), $1, 'bounce', $2, leadfold_now()) on conflict do nothing`,
      [delivery.recipient, delivery.id],
    );
  },
};
