import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { scenarioJsonSchema } from '#libs/nurture';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the committed JSON schema is what the code says, and the shipped scenarios pass it', () => {
  if (process.env['UPDATE_SCHEMAS'])
    writeFileSync(
      new URL('../../schemas/scenario.schema.json', import.meta.url),
      `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`,
    );
  const schema = JSON.parse(read('schemas/scenario.schema.json')) as object;
  expect(schema).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
  const validate = new Ajv2020({ strict: false }).compile(schema);
  for (const name of ['material-follow-up', 'introduction']) {
    const document = parse(read(`scenarios/${name}.yaml`)) as object;
    expect([name, validate(document), validate.errors]).toEqual([name, true, null]);
    expect(validate({ ...document, goal: { when: { nonsense: 1 } } })).toBe(false);
  }
});
