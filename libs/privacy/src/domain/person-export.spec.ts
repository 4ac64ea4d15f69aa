import fs from 'node:fs';
import { expect, test } from '@jest/globals';
import { personExportJsonSchema } from './index.js';

const file = new URL('../../../../schemas/person-export.schema.json', import.meta.url);

test('schemas/person-export.schema.json is what the code produces (UPDATE_SCHEMAS=1 writes it)', () => {
  const produced = `${JSON.stringify(personExportJsonSchema(), null, 2)}\n`;
  if (process.env['UPDATE_SCHEMAS']) fs.writeFileSync(file, produced);
  expect(fs.readFileSync(file, 'utf8')).toBe(produced);
});
