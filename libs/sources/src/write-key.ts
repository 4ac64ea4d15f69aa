import { createHash, randomBytes } from 'node:crypto';

/** A write key stands in every page that sends events: it names a source and opens nothing else. */
export const newWriteKey = (): string => `wk_${randomBytes(18).toString('base64url')}`;

/** What is stored of a key: SHA-256, hex. */
export const hashWriteKey = (key: string): string => createHash('sha256').update(key).digest('hex');
