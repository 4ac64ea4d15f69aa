import fs from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { rulebookJsonSchema } from './index.js';

const root = new URL('../../../../', import.meta.url);
const file = new URL('schemas/rulebook.schema.json', root);

test('schemas/rulebook.schema.json is what the code produces (UPDATE_SCHEMAS=1 writes it)', () => {
  const produced = `${JSON.stringify(rulebookJsonSchema(), null, 2)}\n`;
  if (process.env['UPDATE_SCHEMAS']) fs.writeFileSync(file, produced);
  expect(fs.readFileSync(file, 'utf8')).toBe(produced);
});

test('the schema accepts the shipped rulebook and refuses a misspelt condition', () => {
  const validate = new Ajv2020({ strict: false }).compile(rulebookJsonSchema());
  const shipped = parse(fs.readFileSync(new URL('rulebooks/default.yaml', root), 'utf8'));
  expect([validate(shipped), validate.errors]).toEqual([true, null]);
  shipped.hot['five-conditions'].all[0] = { signal: 'requested-material', wihtin: '14d' };
  expect(validate(shipped)).toBe(false);
});
