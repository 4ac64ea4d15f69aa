import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../project.js';

export type Need = 'kafka' | 'redis';

const signs: Record<Need, RegExp> = {
  kafka: /TEST_KAFKA_BROKERS|\/\/ needs:.*\bkafka\b/,
  redis: /TEST_REDIS_URL|\/\/ needs:.*\bredis\b/,
};

/** Which real parts a suite asks for, by what it and the test code that it imports say. */
export function needsOf(file: string, seen = new Set<string>()): Set<Need> {
  const needs = new Set<Need>();
  if (seen.has(file) || !fs.existsSync(file)) return needs;
  seen.add(file);
  const text = fs.readFileSync(file, 'utf8');
  for (const need of Object.keys(signs) as Need[]) if (signs[need].test(text)) needs.add(need);
  for (const [, name] of text.matchAll(/from '((?:\.{1,2}|#test)\/[^']+)'/g)) {
    const target = name!.startsWith('#test/')
      ? path.join(projectRoot, 'test', 'support', `${name!.slice('#test/'.length)}.ts`)
      : path.resolve(path.dirname(file), name!.replace(/\.js$/, '.ts'));
    if (!target.startsWith(path.join(projectRoot, 'test'))) continue;
    for (const need of needsOf(target, seen)) needs.add(need);
  }
  return needs;
}

/** Every suite of one kind: `spec`, `int-spec`, `e2e-spec`. */
export function suitesOf(kind: string): string[] {
  return ['apps', 'libs', 'test', 'tools', 'bench', 'database']
    .map((folder) => path.join(projectRoot, folder))
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) => fs.readdirSync(folder, { recursive: true }).map((name) => path.join(folder, String(name))))
    .filter((file) => file.endsWith(`.${kind}.ts`) && !file.includes('node_modules'))
    .sort();
}
