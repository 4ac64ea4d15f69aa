import net from 'node:net';
import nodemailer from 'nodemailer';
import { serveCalls } from '../support/child.js';

/** The floor of sending: nodemailer's pool over TCP_NODELAY, the same number of connections, mails of the same size. */
export interface MailsRequest {
  port: number;
  connections: number;
  mails: number;
  subject: string;
  html: string;
  text: string;
}

async function send({ port, connections, mails, subject, html, text }: MailsRequest): Promise<{ seconds: number }> {
  const options = {
    pool: true,
    host: '127.0.0.1',
    port,
    ignoreTLS: true,
    maxConnections: connections,
    maxMessages: Infinity,
    getSocket: (_options: unknown, done: (error: Error | null, socket: object) => void) => {
      const connection = net.connect({ port, host: '127.0.0.1', noDelay: true });
      connection.once('error', (error) => done(error, {}));
      connection.once('connect', () => done(null, { connection }));
    },
  };
  const pool = nodemailer.createTransport(options as Parameters<typeof nodemailer.createTransport>[0]);
  const started = performance.now();
  let next = 0;
  const sender = async () => {
    while (next < mails) {
      const to = `floor${next++}@bench.example`;
      await pool.sendMail({ from: { name: 'Bench', address: 'bench@bench.example' }, to, subject, html, text });
    }
  };
  // a few more callers than connections, so that no connection waits for a mail to be composed
  await Promise.all(Array.from({ length: connections * 2 }, sender));
  const seconds = (performance.now() - started) / 1000;
  pool.close();
  return { seconds };
}

serveCalls(0, { send });
