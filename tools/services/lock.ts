import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson } from '../project.js';
import { identify, isAlive, type ProcessId } from './processes.js';

/** One at a time over processes. A lock whose holder died is taken over. */
export async function withLock<T>(file: string, onWait: (holder: number) => void, work: () => Promise<T>): Promise<T> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const me = await identify(process.pid);
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  fs.writeFileSync(draft, JSON.stringify(me));
  let told = false;
  try {
    for (;;) {
      try {
        fs.linkSync(draft, file); // atomic, and the content is there at once
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readJson<ProcessId>(file);
      if (!holder || !(await isAlive(holder))) await takeAway(file, draft);
      else {
        if (!told) onWait(holder.pid);
        told = true;
        await sleep(200);
      }
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** Two that see the same dead holder: without this the second would take away the lock of the first. */
async function takeAway(file: string, draft: string): Promise<void> {
  const broom = `${file}.broom`;
  try {
    fs.utimesSync(draft, new Date(), new Date()); // a link shares the time of its draft
    fs.linkSync(draft, broom);
  } catch {
    const since = fs.statSync(broom, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > 10_000) fs.rmSync(broom, { force: true });
    await sleep(20);
    return;
  }
  const holder = readJson<ProcessId>(file);
  if (!holder || !(await isAlive(holder))) fs.rmSync(file, { force: true });
  fs.rmSync(broom, { force: true });
}
