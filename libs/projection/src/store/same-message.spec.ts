import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, type JsonObject } from '#libs/leads/domain';
import { sameMessage } from './same-message.js';

const context = { ip: '192.0.2.1', sentAt: 1, skewMs: 2, userAgent: 'x' };
const body: JsonObject = {
  receivedAt: 1,
  name: 'Product',
  properties: { path: '/a', list: [1, { b: null }] },
  context,
};

test('a retry under the same id is the same message, whatever its delivery has of its own', () => {
  const retry = { ...body, receivedAt: 2, context: { userAgent: 'x', ip: '192.0.2.2', sentAt: 3 } };
  expect(sameMessage(body, retry)).toBe(true);
  expect(sameMessage(body, { ...body, context: { ...context, userAgent: 'y' } })).toBe(false);
  expect(sameMessage(body, { ...body, properties: { path: '/a', list: [1, { b: 0 }] } })).toBe(false);
  const { context: _, ...without } = body;
  expect(sameMessage(without, { ...without, context: {} })).toBe(false);
  expect(sameMessage({ ...body, ip: '192.0.2.1' }, body)).toBe(false);
});

/** The same, by printing both. */
const printed = ({ receivedAt: _, ...rest }: JsonObject): string => {
  const own = { sentAt: undefined, skewMs: undefined, ip: undefined };
  return canonicalJson({
    ...rest,
    ...(rest['context'] ? { context: { ...(rest['context'] as JsonObject), ...own } } : {}),
  });
};

const key = fc.constantFrom('a', 'b', 'receivedAt', 'ip', 'sentAt', 'context', 'properties', '__proto__');
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, 0, -0, 1, '', '1', true, false),
    fc.array(tie('json'), { maxLength: 2 }),
    fc.dictionary(key, tie('json'), { maxKeys: 3 }),
  ),
}));
const message = fc
  .tuple(
    fc.dictionary(key, json, { maxKeys: 3 }),
    fc.option(fc.dictionary(key, json, { maxKeys: 3 }), { nil: undefined }),
  )
  .map(([rest, some]) => JSON.parse(JSON.stringify({ ...rest, context: some })) as JsonObject);

test('two bodies are one message where they print alike', () => {
  fc.assert(
    fc.property(message, message, (a, b) => {
      expect(sameMessage(a, b)).toBe(printed(a) === printed(b));
      expect(sameMessage(a, JSON.parse(JSON.stringify(a)) as JsonObject)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
