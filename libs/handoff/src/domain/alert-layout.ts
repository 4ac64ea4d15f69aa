import type { AlertContent } from './alert-content.js';

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
/** Slack's own three, and no mention or link of the lead's making. */
const escapeSlack = (text: string): string =>
  text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[*_~`|]/g, (char) => `\u200b${char}`);

export function alertText(content: AlertContent): string {
  const { sections } = content;
  const parts = [
    content.reason,
    section(
      sections.who,
      content.who.map(({ label, value }) => `${label}: ${value}`),
    ),
    section(sections.score, [content.score, ...content.scoreLines]),
    section(sections.actions, content.actions),
    section(
      sections.links,
      content.links.map(({ label, url }) => `${label}: ${url}`),
    ),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

const section = (title: string, lines: string[]): string =>
  lines.length ? [title, ...lines.map((line) => `  ${line}`)].join('\n') : '';

export function alertHtml(content: AlertContent): string {
  const { sections } = content;
  const list = (title: string, items: string[]) =>
    items.length ? `<h3>${escapeHtml(title)}</h3><ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>` : '';
  return [
    `<!doctype html><html lang="${content.locale}"><body style="font-family:sans-serif">`,
    `<h2>${escapeHtml(content.headline)}</h2><p>${escapeHtml(content.reason)}</p>`,
    list(
      sections.who,
      content.who.map(({ label, value }) => `${escapeHtml(label)}: ${escapeHtml(value)}`),
    ),
    `<h3>${escapeHtml(sections.score)}: ${escapeHtml(content.score)}</h3>`,
    content.scoreLines.length
      ? `<ul>${content.scoreLines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`
      : '',
    list(sections.actions, content.actions.map(escapeHtml)),
    list(
      sections.links,
      content.links.map(({ label, url }) => `<a href="${escapeHtml(url)}">${escapeHtml(label)}</a>`),
    ),
    '</body></html>',
  ].join('\n');
}

/** Block Kit, and `text` for notifications. Fields are cut to Slack's limits. */
export function alertSlack(content: AlertContent): { text: string; blocks: object[] } {
  const mrkdwn = (text: string) => ({ type: 'mrkdwn', text: text.slice(0, 2_900) });
  const bullets = (lines: string[]) => lines.map((line) => `• ${escapeSlack(line)}`).join('\n');
  const titled = (title: string, body: string) => ({
    type: 'section',
    text: mrkdwn(`*${escapeSlack(title)}*\n${body}`),
  });
  const { sections } = content;
  const blocks: object[] = [
    { type: 'header', text: { type: 'plain_text', text: content.headline.slice(0, 150), emoji: false } },
    { type: 'section', text: mrkdwn(escapeSlack(content.reason)) },
  ];
  if (content.who.length) {
    const fields = content.who.map(({ label, value }) => mrkdwn(`*${escapeSlack(label)}*\n${escapeSlack(value)}`));
    blocks.push({ type: 'section', fields });
  }
  blocks.push(
    titled(sections.score, [escapeSlack(content.score), bullets(content.scoreLines)].filter(Boolean).join('\n')),
  );
  if (content.actions.length) blocks.push(titled(sections.actions, bullets(content.actions)));
  if (content.links.length) {
    const links = content.links.map(
      ({ label, url }) => `<${encodeURI(url).replace(/[|>]/g, encodeURIComponent)}|${escapeSlack(label)}>`,
    );
    blocks.push({ type: 'section', text: mrkdwn(links.join('  ')) });
  }
  return { text: escapeSlack(`${content.headline}: ${content.reason}`).slice(0, 3_000), blocks };
}
