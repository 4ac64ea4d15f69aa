import { AlertReactor, handoffConfig } from '#libs/handoff';
import { createPool, parseConfig } from '#libs/platform';
import { plainReader, startActing } from './acting.js';
import { plainMail } from './plain-mail.js';

/** The worker's parts in a process of their own, to be killed at a failpoint or stopped by SIGTERM. */
const env = process.env as Record<string, string>;
const url = env['DATABASE_URL']!;
const pool = createPool({ url, applicationName: 'leadfold-test', max: 1 }, () => undefined);
const acting = await startActing({ url, pool, drop: async () => undefined }, env, {
  handlers: [new AlertReactor(parseConfig(handoffConfig, env), plainReader)],
  mailPolicy: plainMail,
});
process.send?.('ready');
process.on('SIGTERM', () => {
  acting.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
