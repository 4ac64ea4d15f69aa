import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { v5 } from 'uuid';
import { derivedId, eventIdOf } from './ids.js';

const namespace = '8f9a3f0e-6d0b-5c0e-9a54-1ead401d0001';

test('an event id is the UUID version 5 of its source and messageId', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (source, messageId) => {
      expect(eventIdOf(source, messageId)).toBe(v5(`${source}\n${messageId}`, namespace));
      expect(derivedId(source, messageId)).toBe(v5(`${source}\n${messageId}`, namespace));
    }),
  );
});
