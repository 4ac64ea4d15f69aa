import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../project.js';
import { choosePort } from './ports.js';
import { end, findByCommandLine, isAlive, startDetached } from './processes.js';
import { ServiceError } from './progress-lines.js';
import { logFile, logTail, readRecord, writeRecord, type PartRecord, type ServiceSet } from './service-set.js';

export const smtpUrl = (record: PartRecord) => `smtp://127.0.0.1:${record.port}?ignoreTLS=true`;
export const mailboxUrl = (record: PartRecord) => `http://127.0.0.1:${record.secondPort}`;

/** maildev: takes every mail, sends none on, shows them on a page. */
export async function startMail(set: ServiceSet): Promise<PartRecord> {
  const known = readRecord(set, 'mail');
  const folder = path.join(set.folder, 'mail');
  fs.mkdirSync(folder, { recursive: true });
  if (known) {
    const running = (await isAlive(known.process)) ? known.process : await findByCommandLine('node', folder);
    if (running) return { ...known, process: running };
  }
  const port = await choosePort(known?.port ?? set.ports.smtp);
  const secondPort = await choosePort(known?.secondPort ?? set.ports.mailbox);
  writeRecord(set, 'mail', { port, secondPort });
  const program = createRequire(path.join(projectRoot, 'package.json')).resolve('maildev/bin/maildev');
  const args = [
    program,
    '--ip',
    '127.0.0.1',
    '--smtp',
    String(port),
    '--web',
    String(secondPort),
    '--mail-directory',
    folder,
  ];
  const process_ = await startDetached(process.execPath, args, { log: logFile(set, 'mail'), cwd: folder });
  const record = { port, secondPort, process: process_ };
  writeRecord(set, 'mail', record);
  for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
    if (
      await checkSmtp(smtpUrl(record)).then(
        () => true,
        () => false,
      )
    )
      return record;
    if (Date.now() < deadline && (await isAlive(process_))) continue;
    throw new ServiceError(
      `The mail sink does not start:\n${logTail(logFile(set, 'mail'))}`,
      `See ${logFile(set, 'mail')}`,
    );
  }
}

/** A greeting of 220 and an answer to QUIT. */
export function checkSmtp(url: string): Promise<void> {
  const target = new URL(url);
  return new Promise((resolve, reject) => {
    if (target.protocol === 'smtps:') return resolve(); // a provider's own; its certificate is checked when mail is sent
    const socket = net.connect(Number(target.port || 25), target.hostname);
    socket.setTimeout(5_000, () => socket.destroy(new Error('no greeting')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (text: Buffer) => {
      const code = text.toString('latin1', 0, 3);
      if (code === '220') return socket.write('QUIT\r\n');
      if (code === '221') resolve();
      else reject(new Error(`it answered ${code}`));
      socket.destroy();
      return undefined;
    });
  });
}

export async function stopMail(record: PartRecord): Promise<void> {
  await end(record.process, 5_000);
}
