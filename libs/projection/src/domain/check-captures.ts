import type { RulebookDocument } from './rulebook-document.js';

/** A capture keeps the number that a text match finds, so there must be one that looks for a number. */
export function checkCaptures(
  { signals }: Pick<RulebookDocument, 'signals'>,
  report: (path: readonly string[], code: string, message: string) => void,
): void {
  for (const [name, { capture, where, verdict }] of Object.entries(signals)) {
    if (!capture) continue;
    const patterns = Object.values(where ?? {}).flatMap((test) =>
      typeof test === 'object' && !Array.isArray(test) ? (test.matches ?? []) : [],
    );
    if (!patterns.some((pattern) => pattern.includes('{number}')))
      report(['signals', name, 'capture'], 'no-number', 'needs a `matches` with {number} among `where`');
    if (verdict !== undefined)
      report(['signals', name, 'capture'], 'capture-with-verdict', 'cannot be joined with `verdict`');
  }
}
