import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { localFolder } from '../project.js';

const file = path.join(localFolder, 'secrets.env');

/** What a local start needs and nobody gave: made once, readable by the owner only. The environment comes first. */
export function localSecrets(): Record<string, string> {
  const make: Record<string, () => string> = {
    TRACKING_SECRET: () => randomBytes(32).toString('base64url'),
  };
  const kept = fs.existsSync(file) ? (parseEnv(fs.readFileSync(file, 'utf8')) as Record<string, string>) : {};
  const absent = Object.keys(make).filter((name) => !kept[name]);
  for (const name of absent) kept[name] = make[name]!();
  if (absent.length) {
    fs.mkdirSync(localFolder, { recursive: true });
    const draft = `${file}.${process.pid}.new`;
    fs.writeFileSync(
      draft,
      Object.entries(kept)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
      { mode: 0o600 },
    );
    fs.renameSync(draft, file);
  }
  return {
    ...kept,
    ...Object.fromEntries(
      Object.keys(kept)
        .filter((name) => process.env[name])
        .map((name) => [name, process.env[name]!]),
    ),
  };
}
