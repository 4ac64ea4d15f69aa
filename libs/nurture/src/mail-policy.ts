import { Grouped, type Delivery, type MailPolicy, type RenderedMail } from '#libs/delivery';
import { DomainError, TokenSeal, type Pool, type PoolClient } from '#libs/platform';
import { displayNameOf, withoutHonorific } from '#libs/leads/domain';
import { subjectLine, type TemplateContext } from './domain/template.js';
import { sendGate } from './gate.js';
import { readLeads, textAttribute, type LeadRecord } from './lead-view.store.js';
import type { NurtureConfig } from './nurture.config.js';
import { RenderPool } from './render-pool.js';
import { suppressIn } from './suppression.store.js';
import { TemplateVersions } from './template.store.js';
import { trackLinks } from './track-links.js';

/** What a mail says of its sender, and where its links lead. */
export interface MailConfig extends NurtureConfig {
  SENDER_NAME: string;
  SENDER_ADDRESS: string;
  SITE_URL: string;
  MAIL_FROM: string;
  PUBLIC_COLLECTOR_URL: string;
  PUBLIC_API_URL: string;
  TRACKING_SECRET: string;
  TIME_ZONE: string;
  OUTBOX_KEEP_DAYS: number;
}

/** Nurture's half of the send ledger: the gate, and what a mail looks like. */
export class NurtureMail implements MailPolicy {
  readonly gate;
  private readonly templates = new TemplateVersions();
  private readonly renderers = new RenderPool();
  /** The leads of all mails that are made at once are read at once. */
  private readonly leads: Grouped<string, LeadRecord | undefined>;
  private readonly tracking: TokenSeal;
  private readonly unsubscribing: TokenSeal;

  constructor(
    private readonly pool: Pool,
    private readonly config: MailConfig,
  ) {
    this.gate = sendGate(config, config.TIME_ZONE);
    this.leads = new Grouped(async (keys) => {
      const found = await readLeads(pool, keys);
      return keys.map((key) => found.get(key));
    });
    this.tracking = new TokenSeal(config.TRACKING_SECRET, 'tracking');
    this.unsubscribing = new TokenSeal(config.TRACKING_SECRET, 'unsubscribe');
  }

  async render(delivery: Delivery): Promise<RenderedMail> {
    const { config } = this;
    const payload = delivery.payload as { scenario: string; template: string; version: number; locale: string };
    const [template, record] = await Promise.all([
      this.templates.read(this.pool, payload.template, payload.version, payload.locale),
      this.leads.add(delivery.subjectKey),
    ]);
    if (!record) throw new DomainError('no-lead', 'the person is no longer known');
    const token = this.unsubscribing.seal({ d: delivery.id, k: delivery.subjectKey });
    const unsubscribeUrl = new URL(`/u/${token}`, config.PUBLIC_API_URL).href;
    const context: TemplateContext = {
      lead: leadContext(record),
      sender_name: config.SENDER_NAME,
      sender_address: config.SENDER_ADDRESS,
      site_url: config.SITE_URL.replace(/\/+$/, ''),
      unsubscribe_url: unsubscribeUrl,
    };
    const key = `${template.name}:${template.version}:${template.locale}`;
    const rendered = await this.renderers
      .render({ key, subject: template.subject, html: template.html, context: { ...context } })
      .catch((error: unknown) => {
        throw forgiven(error, delivery.attempt);
      });
    const tracked = trackLinks(rendered.html, {
      seal: this.tracking,
      collectorUrl: config.PUBLIC_COLLECTOR_URL,
      deliveryId: delivery.id,
      subjectKey: delivery.subjectKey,
      except: unsubscribeUrl,
    });
    const domain = config.MAIL_FROM.split('@')[1]!;
    return {
      subject: subjectLine(rendered.subject),
      html: tracked.html,
      text: rendered.text,
      toName: context.lead.display_name,
      headers: {
        // no mailto beside it: whoever wrote to a mailbox that nobody reads would stay subscribed
        'List-Unsubscribe': `<${unsubscribeUrl}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        'List-Id': `<${payload.scenario}.${domain}>`,
        'Feedback-ID': `${payload.scenario}:${payload.template}:nurture:leadfold`,
        'X-Entity-Ref-ID': delivery.id,
      },
    };
  }

  async bounced(client: PoolClient, delivery: Delivery): Promise<void> {
    if (delivery.recipient) await suppressIn(client, { email: delivery.recipient, reason: 'bounce', source: 'worker' });
  }

  close(): Promise<void> {
    return this.renderers.close();
  }
}

const lateAttempts = 5;

/** A render that took too long may have met a busy machine: only after several attempts is it the template's fault. */
export const forgiven = (error: unknown, attempt: number): unknown =>
  error instanceof DomainError && error.code === 'template-timeout' && attempt < lateAttempts
    ? new Error('the render took too long', { cause: error })
    : error;

function leadContext(record: LeadRecord): TemplateContext['lead'] {
  const family = withoutHonorific(textAttribute(record, 'familyName'));
  const given = withoutHonorific(textAttribute(record, 'givenName'));
  const display = displayNameOf({ ...(family && { familyName: family }), ...(given && { givenName: given }) });
  return {
    family_name: family,
    given_name: given,
    display_name: display ?? textAttribute(record, 'displayName'),
    company: textAttribute(record, 'company.name'),
    position: textAttribute(record, 'position'),
  };
}
