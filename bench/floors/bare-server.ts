import { fastify } from 'fastify';
import { serveCalls } from '../support/child.js';

/** The floor of the collector: parse the same body, answer 202, promise nothing. Batches are checked against a schema. */
const app = fastify();
const anything = { type: 'object' };
const item = {
  type: 'object',
  required: ['type', 'messageId'],
  properties: {
    type: { type: 'string', maxLength: 20 },
    messageId: { type: 'string', maxLength: 100 },
    anonymousId: { type: 'string', maxLength: 512 },
    userId: { type: 'string', maxLength: 512 },
    event: { type: 'string' },
    name: { type: 'string' },
    timestamp: { type: 'string' },
    properties: anything,
    traits: anything,
    context: anything,
  },
};
const schema = {
  body: { type: 'object', required: ['batch'], properties: { batch: { type: 'array', maxItems: 2500, items: item } } },
};

app.post('/v1/batch', { schema }, (_request, reply) => reply.code(202).send({ success: true }));
app.post('/v1/:type', (_request, reply) => reply.code(202).send({ success: true }));
await app.listen({ port: 0, host: '127.0.0.1' });

serveCalls((app.server.address() as { port: number }).port, {});
