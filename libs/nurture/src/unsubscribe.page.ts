export interface UnsubscribePage {
  /** `ask`: the page of a GET, which changes nothing. */
  state: 'ask' | 'unsubscribed' | 'resubscribed' | 'unknown';
  locale: 'ja' | 'en';
  email?: string;
  sender: string;
  /** Where the form posts to: the page's own path. */
  action: string;
}

const texts = {
  ja: {
    ask: ['メールの配信停止', '次のアドレスへのご案内メールを停止します。', '配信を停止する'],
    unsubscribed: ['配信を停止しました', '今後、ご案内メールはお送りしません。', '停止を取り消す'],
    resubscribed: ['配信を再開しました', '引き続きご案内メールをお送りします。', '配信を停止する'],
    unknown: ['リンクが無効です', 'メール内のリンクをもう一度お試しください。', ''],
  },
  en: {
    ask: ['Unsubscribe', 'We will stop sending mails to this address:', 'Unsubscribe'],
    unsubscribed: ['You are unsubscribed', 'We will not send you any more of these mails.', 'Undo and subscribe again'],
    resubscribed: ['You are subscribed again', 'We will go on sending you these mails.', 'Unsubscribe'],
    unknown: ['This link is not valid', 'Please try the link in the mail once more.', ''],
  },
} as const;

/** S6: whatever a name or an address holds, it is text. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char]!);

/** No script, no image, no outside style: nothing that a policy could not forbid. */
export const unsubscribePageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex',
} as const;

export function unsubscribePage({ state, locale, email, sender, action }: UnsubscribePage): string {
  const [title, text, button] = texts[locale][state];
  const wish = state === 'unsubscribed' ? 'resubscribe' : 'unsubscribe';
  const form = button
    ? `<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="wish" value="${wish}"><input type="hidden" name="page" value="1"><button type="submit">${button}</button></form>`
    : '';
  return `<!doctype html>
<html lang="${locale}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title>
<style>body{font:16px/1.6 system-ui,sans-serif;color:#1a1a1a;background:#f6f7f9;margin:0}main{max-width:32rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:8px}h1{font-size:1.4rem;margin-top:0}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:6px;background:#1f4e99;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #f0a020;outline-offset:2px}.address{font-weight:600;overflow-wrap:anywhere}</style></head>
<body><main><h1>${title}</h1><p role="status">${text}</p>${email === undefined ? '' : `<p class="address">${escapeHtml(email)}</p>`}${form}<p><small>${escapeHtml(sender)}</small></p></main></body></html>
`;
}
