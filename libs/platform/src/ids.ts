import { v5, v7 } from 'uuid';

/** Namespace of every id Leadfold derives; changing it would store each retried event twice. */
const namespace = '8f9a3f0e-6d0b-5c0e-9a54-1ead401d0001';

/** The id of a collected event: no source can take another source's ids. */
export const eventIdOf = (source: string, messageId: string): string => v5(`${source}\n${messageId}`, namespace);

/** A derived id: the same parts always give the same id. Parts may not hold a line feed. */
export const derivedId = (...parts: (string | number)[]): string => v5(parts.join('\n'), namespace);

/** A new id, ordered by time. */
export const newId = (): string => v7();
