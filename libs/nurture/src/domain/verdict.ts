/**
 * Stored in every verdict; raised when the rule changes, so that a new rule judges all hits anew. 1: each hit by its request,
 * bursts as a whole. 2: what is probed by HEAD is fetched by the same machine.
 */
export const verdictRule = 2;

export type Verdict = 'human' | 'machine' | 'unsure';

/** An open or click of one delivery, as the collector saw it. */
export interface Hit {
  id: string;
  kind: 'open' | 'click';
  at: number;
  url?: string;
  method?: string;
  userAgent?: string;
  /** The request said it was a prefetch (Purpose, Sec-Purpose, X-Moz). */
  prefetch?: boolean;
}

const burstMs = 10_000;
const minHumanMs = 2_000;
const scanners =
  /bot|crawl|spider|scan|proofpoint|mimecast|barracuda|safelinks|urldefense|trendmicro|symantec|fireeye|python|curl|wget|go-http|java\/|okhttp|headless|axios|node-fetch/i;
const proxies = /GoogleImageProxy|ggpht|YahooMailProxy|Apple.*Mail.*Privacy/i;
// Apple's privacy proxy gives nothing but this
const bareMozilla = /^Mozilla\/5\.0$/;

/**
 * Judges all hits of one delivery together; asked again whenever another comes. A click of a person makes what else the
 * set holds no more human: each hit stands for itself, bursts are machine as a whole.
 */
export function judgeHits(hits: readonly Hit[], sentAt: number, links: number): Map<string, Verdict> {
  const clicks = hits.filter((hit) => hit.kind === 'click');
  return new Map(
    hits.map((hit) => [
      hit.id,
      hit.kind === 'click' ? judgeClick(hit, clicks, sentAt, links) : judgeOpen(hit, clicks, sentAt, links),
    ]),
  );
}

function judgeClick(click: Hit, clicks: readonly Hit[], sentAt: number, links: number): Verdict {
  if (mechanical(click) || probed(click, clicks)) return 'machine';
  if (inBurst(click.at, clicks, links)) return 'machine';
  return click.at - sentAt < minHumanMs ? 'machine' : 'human';
}

function judgeOpen(open: Hit, clicks: readonly Hit[], sentAt: number, links: number): Verdict {
  if (mechanical(open) || open.at - sentAt < minHumanMs) return 'machine';
  if (inBurst(open.at, clicks, links)) return 'machine';
  // a proxy fetches pictures for people and for nobody alike
  return proxies.test(open.userAgent ?? '') || bareMozilla.test(open.userAgent ?? '') ? 'unsure' : 'human';
}

const mechanical = (hit: Hit): boolean =>
  hit.method === 'HEAD' || hit.prefetch === true || !hit.userAgent || scanners.test(hit.userAgent);

/** HEAD before or after GET: whoever asks whether a link is alive reads no mail. */
const probed = (click: Hit, clicks: readonly Hit[]): boolean =>
  clicks.some((other) => other.method === 'HEAD' && Math.abs(other.at - click.at) <= burstMs);

/** All links of the mail, two at least, within seconds around this instant: nobody reads that fast. */
function inBurst(at: number, clicks: readonly Hit[], links: number): boolean {
  const near = clicks.filter((click) => Math.abs(click.at - at) <= burstMs);
  const different = new Set(near.map((click) => click.url));
  return different.size >= 2 && different.size >= Math.min(links, 3);
}
