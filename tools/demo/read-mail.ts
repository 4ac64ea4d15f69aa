import { readMailbox, type Mail } from './api-client.js';
import type { Stage } from './play.js';

const browser = {
  'user-agent':
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15',
};

/** Opens the nurture mail and follows a link in it, as its reader's browser would, and asks what became of both. */
export async function readTheMail(stage: Stage, mailboxUrl: string, email: string): Promise<void> {
  const { claims, api } = stage;
  let mail: Mail | undefined;
  await claims.eventually(
    'the nurture mail lies in the mailbox, with a one-click unsubscribe',
    async () => {
      mail = (await readMailbox(mailboxUrl, email)).find((one) => 'list-unsubscribe-post' in one.headers);
      return { holds: mail !== undefined, ...(mail ? { seen: mail.subject } : {}) };
    },
    20_000,
  );
  const html = mail?.html ?? '';
  const pixel = /src="([^"]+\/o\/[^"]+\.gif)"/.exec(html)?.[1];
  const link = /href="([^"]+\/c\/[^"]+)"/.exec(html)?.[1];
  if (!pixel || !link) return claims.check('the mail carries an open pixel and a tracked link', false);
  const opened = await fetch(pixel, { headers: browser });
  const clicked = await fetch(link, { headers: browser, redirect: 'manual' });
  claims.check(
    'its link redirects to the page it names',
    opened.ok && clicked.status === 302,
    clicked.headers.get('location') ?? `${clicked.status}`,
  );
  await claims.eventually(
    'the open and the click are in the timeline, to be judged human or machine',
    async () => {
      const { items } = await api.get<{ items: { name: string | null }[] }>(
        `/v1/leads/${encodeURIComponent(`e:${email}`)}/timeline`,
        { limit: 50 },
      );
      const names = items.map((item) => item.name);
      return { holds: names.includes('Email Opened') && names.includes('Email Clicked') };
    },
    10_000,
  );
}
