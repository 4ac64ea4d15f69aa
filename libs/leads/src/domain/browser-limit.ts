import type { SubjectKey } from './keys.js';

export const defaultBrowserLimit = 50;

/**
 * Whether so many strong keys make a browser nobody's: a kiosk, a test rig, a fixed id of a bot. Keys are counted, not
 * identifications, which sites repeat on every page, nor components, which a later link would change.
 */
export function tooManyPeople(strong: Iterable<SubjectKey>, browserLimit: number): boolean {
  const people = new Set<SubjectKey>();
  for (const key of strong) if (people.add(key).size > browserLimit) return true;
  return false;
}

/** Of everything that was said about one browser, what counts: all of it, or with too many people nothing. */
export const countedOf = <T extends { strong: SubjectKey }>(said: readonly T[], browserLimit: number): readonly T[] =>
  tooManyPeople(
    said.map(({ strong }) => strong),
    browserLimit,
  )
    ? []
    : said;
