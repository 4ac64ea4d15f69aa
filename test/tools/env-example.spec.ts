import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { envExample, loadSchemas } from '#tools/env-example/generate';

const root = path.resolve(import.meta.dirname, '../..');

test('.env.example is what the config schemas say', async () => {
  expect(fs.readFileSync(path.join(root, '.env.example'), 'utf8')).toBe(envExample(await loadSchemas()));
});

test('every variable has a line that explains it', async () => {
  const bare = envExample(await loadSchemas())
    .split('\n')
    .filter((line) => /^#\s*(\(required\))?$/.test(line));
  expect(bare).toEqual([]);
});

test('required variables stand open, the others with their default, each once', () => {
  const one = z.object({ A: z.string().describe('a'), B: z.coerce.number().default(5).describe('b') });
  const text = envExample([
    { part: 'libs/one', schema: one },
    { part: 'apps/two', schema: z.object({ ...one.shape, C: z.string().optional().describe('c') }) },
  ]);
  expect(text).toContain('# a (required)\nA=\n');
  expect(text).toContain('# b\n# B=5\n');
  expect(text.match(/^A=/gm)).toHaveLength(1);
  expect(text).toContain('## apps/two\n\n# c\n# C=\n');
});
