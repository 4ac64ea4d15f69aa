import type {
  Channel,
  Delivery,
  Handled,
  NewDelivery,
  Notice,
  NoticeHandler,
  RenderedMail,
  SlackMessage,
} from '#libs/delivery';
import { normalizeEmail } from '#libs/leads/domain';
import type { PoolClient, Queryable } from '#libs/platform';
import {
  alertContent,
  alertHtml,
  alertSlack,
  alertText,
  type AlertContent,
  type AlertInput,
  type Locale,
} from './domain/index.js';
import type { HandoffConfig } from './handoff.config.js';

/** What is known about each lead at its crossing, in the order of the notices. */
export type AlertReader = (client: PoolClient, notices: Notice[]) => Promise<AlertInput[]>;

export const alertChannels = (config: HandoffConfig): Channel[] => [
  ...(config.ALERT_SLACK_WEBHOOK_URL ? (['slack'] as const) : []),
  ...(config.ALERT_EMAIL_TO ? (['email'] as const) : []),
  ...(config.ALERT_WEBHOOK_URL ? (['webhook'] as const) : []),
];

/** The projector writes crossing notices only for listeners. Called at start. */
export async function listenForCrossings(db: Queryable, config: HandoffConfig): Promise<void> {
  await db.query(
    alertChannels(config).length
      ? "insert into listener (kind, name, wanted_by) values ('crossing', 'hot', 'handoff') on conflict do nothing"
      : "delete from listener where wanted_by = 'handoff'",
  );
}

/**
 * One alert per crossing and configured channel (I17, I18): the key holds the decision, not the lead, so that no change of
 * lead ids repeats one. A quiet crossing's alert is born suppressed. The content is fixed here; a repeat says the same.
 */
export class AlertReactor implements NoticeHandler {
  readonly kinds = ['crossing'] as const;
  private readonly channels: Channel[];

  constructor(
    private readonly config: HandoffConfig,
    private readonly read: AlertReader,
  ) {
    this.channels = alertChannels(config);
  }

  async handle(client: PoolClient, notices: Notice[]): Promise<Handled> {
    if (!this.channels.length) return {};
    const inputs = await this.read(client, notices);
    return { wanted: notices.flatMap((notice, i) => this.alertsOf(notice, inputs[i]!)) };
  }

  private alertsOf(notice: Notice, input: AlertInput): NewDelivery[] {
    const payload = {
      content: alertContent(input, this.config.ALERT_LOCALE),
      data: webhookData(input, this.config.ALERT_LOCALE),
    };
    return this.channels.map((channel) => ({
      key: `alert:${notice.event}:${channel}`,
      purpose: 'alert',
      channel,
      lead: notice.lead,
      subjectKey: notice.subjectKey,
      crossing: notice.event,
      ...(channel === 'email' && { recipient: normalizeEmail(this.config.ALERT_EMAIL_TO!) }),
      ...(notice.quietCause !== null && { suppressed: `quiet:${notice.quietCause}` }),
      payload,
    }));
  }
}

function webhookData(input: AlertInput, locale: Locale): Record<string, unknown> {
  const tenth = (tenths: number) => tenths / 10;
  return {
    type: 'lead.became_hot',
    timestamp: new Date(input.at).toISOString(),
    data: {
      crossing: input.crossing,
      lead: { id: input.lead, ...input.who },
      reason: alertContent(input, locale).reason,
      rules: input.rules.map((rule) => ({ name: rule.name, conditions: rule.conditions })),
      score: {
        total: tenth(input.score.total),
        engagement: tenth(input.score.engagement),
        fit: tenth(input.score.fit),
        grade: input.score.grade,
        lines: input.lines.map((line) => ({ label: line.label, points: tenth(line.points) })),
      },
      lastActions: input.actions.slice(0, 3).map((a) => ({ at: new Date(a.at).toISOString(), label: a.label })),
      links: input.links.map((link) => ({ label: link.label, url: link.url })),
    },
  };
}

const contentOf = (delivery: Delivery) => delivery.payload['content'] as AlertContent;

/** How each channel lays the alert out. */
export const alertMail = (delivery: Delivery): RenderedMail => {
  const content = contentOf(delivery);
  return { subject: content.headline, html: alertHtml(content), text: alertText(content) };
};
export const alertSlackMessage = (delivery: Delivery): SlackMessage => alertSlack(contentOf(delivery));
export const alertWebhookBody = (delivery: Delivery): string => JSON.stringify(delivery.payload['data']);
