import { hash } from 'node:crypto';
import { parse, v7 } from 'uuid';

/** Namespace of every id Leadfold derives; changing it would store each retried event twice. */
const namespace = '8f9a3f0e-6d0b-5c0e-9a54-1ead401d0001';

const namespaceBytes = Buffer.from(parse(namespace));

/** The namespace and behind it the name that is being hashed; longer names get a buffer of their own. */
const input = Buffer.alloc(1_024);
namespaceBytes.copy(input);

/** UUID version 5 by one call of the platform's SHA-1: this is made once per collected event. */
function v5(name: string): string {
  const digest = hash('sha1', inputOf(name), 'hex');
  const variant = ((parseInt(digest[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

function inputOf(name: string): Buffer {
  if (name.length * 3 > input.length - 16) return Buffer.concat([namespaceBytes, Buffer.from(name, 'utf8')]);
  return input.subarray(0, 16 + input.write(name, 16, 'utf8'));
}

/** The id of a collected event: no source can take another source's ids. */
export const eventIdOf = (source: string, messageId: string): string => v5(`${source}\n${messageId}`);

/** A derived id: the same parts always give the same id. Parts may not hold a line feed. */
export const derivedId = (...parts: (string | number)[]): string => v5(parts.join('\n'));

/** A new id, ordered by time. */
export const newId = (): string => v7();
