import type { TokenSeal } from '#libs/platform';

export interface TrackOptions {
  seal: TokenSeal;
  collectorUrl: string;
  deliveryId: string;
  subjectKey: string;
  /** Never tracked: unsubscribing must work without us watching. */
  except: string;
}

const anchor = /(<a\b[^>]*?\shref=")([^"]*)(")/gi;
const entities: Record<string, string> = {
  '&amp;': '&',
  '&#38;': '&',
  '&quot;': '"',
  '&#34;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
};
const decoded = (attribute: string): string =>
  attribute.replace(/&(?:amp|quot|lt|gt|#3[489]);/g, (entity) => entities[entity] ?? entity);

/** Every web link becomes a sealed one and a pixel stands at the end; `links` counts the different ones. */
export function trackLinks(html: string, options: TrackOptions): { html: string; links: number } {
  const { seal, collectorUrl, deliveryId: d, subjectKey: k } = options;
  const tokens = new Map<string, string>();
  const rewritten = html.replace(anchor, (whole, before: string, href: string, after: string) => {
    const url = decoded(href).trim();
    if (!/^https?:\/\//i.test(url) || url === options.except || !URL.canParse(url)) return whole;
    const token = tokens.get(url) ?? seal.seal({ d, k, u: new URL(url).href });
    tokens.set(url, token);
    return `${before}${new URL(`/c/${token}`, collectorUrl).href}${after}`;
  });
  const pixel = `<img src="${new URL(`/o/${seal.seal({ d, k })}.gif`, collectorUrl).href}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">`;
  const end = rewritten.lastIndexOf('</body>');
  return {
    html: end < 0 ? rewritten + pixel : rewritten.slice(0, end) + pixel + rewritten.slice(end),
    links: tokens.size,
  };
}
