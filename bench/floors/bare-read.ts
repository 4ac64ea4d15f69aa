import { fastify } from 'fastify';
import pg from 'pg';
import { serveCalls } from '../support/child.js';

/** The floor of a read: the server without anything, and one prepared select that finds the same rows. */
const pool = new pg.Pool({ connectionString: process.argv[2]!, max: 4 });
const app = fastify();

app.get('/v1/leads/:lead', async (request) => {
  const { lead } = request.params as { lead: string };
  const found = await pool.query({
    name: 'lead',
    text: 'select r.score, l.id, l.state, l.memory, r.temperature, r.stage from lead l left join lead_rank r on r.lead = l.id where l.id = $1',
    values: [lead],
  });
  return found.rows[0];
});
app.get('/v1/leads', async () => {
  const found = await pool.query({
    name: 'top',
    text: `select r.score, l.id, l.state, l.memory, r.temperature, r.stage from lead_rank r join lead l on l.id = r.lead
      where r.temperature = $1 order by r.score desc, r.lead limit 50`,
    values: ['hot'],
  });
  return found.rows;
});
await app.listen({ port: 0, host: '127.0.0.1' });

serveCalls((app.server.address() as { port: number }).port, {});
