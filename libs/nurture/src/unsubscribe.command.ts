import { Command, type ICommandHandler, DomainError, type Pool, type Queryable, type TokenSeal } from '#libs/platform';
import { resubscribe, suppress } from './suppression.store.js';

export interface Recipient {
  email: string;
  locale: 'ja' | 'en';
}

/** Whom a token of an unsubscribe link names; an altered one is a 404. Reads only. */
export async function recipientOf(db: Queryable, seal: TokenSeal, token: string): Promise<Recipient> {
  const content = seal.open(token);
  if (!content?.['d']) throw new DomainError('unsubscribe-unknown', 'This link is not one of ours.', { status: 404 });
  const found = await db.query<{ recipient: string | null; locale: string | null }>(
    "select recipient, payload ->> 'locale' as locale from delivery where id = $1",
    [content['d']],
  );
  const key = content['k'] ?? '';
  const email = found.rows[0]?.recipient ?? (key.startsWith('e:') ? key.slice(2) : undefined);
  if (email === undefined)
    throw new DomainError('unsubscribe-unknown', 'Nobody is known by this link any more.', { status: 404 });
  return { email, locale: found.rows[0]?.locale === 'en' ? 'en' : 'ja' };
}

/** From the one-click POST or the button of the page: at once, before any answer (I22). */
export class Unsubscribe extends Command<Recipient> {
  constructor(
    readonly token: string,
    readonly wish: 'unsubscribe' | 'resubscribe' = 'unsubscribe',
  ) {
    super();
  }
}

export class UnsubscribeHandler implements ICommandHandler<Unsubscribe> {
  static readonly handles = Unsubscribe;

  constructor(
    private readonly pool: Pool,
    private readonly seal: TokenSeal,
  ) {}

  async execute({ token, wish }: Unsubscribe): Promise<Recipient> {
    const recipient = await recipientOf(this.pool, this.seal, token);
    if (wish === 'resubscribe') await resubscribe(this.pool, recipient.email, 'api');
    else await suppress(this.pool, { email: recipient.email, reason: 'unsubscribe', source: 'api' });
    return recipient;
  }
}
