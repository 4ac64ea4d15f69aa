import { expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeEvent, encodeEvent, eventTypes, recordKeyOf, type LeadEvent, type WireRecord } from '#libs/leads/domain';
import { examples } from './events.js';

interface Golden {
  event: LeadEvent;
  record: WireRecord;
}

const folder = import.meta.dirname;
const fileOf = (type: string): string => join(folder, `${type}.v1.json`);
const readGolden = (file: string): Golden => JSON.parse(readFileSync(file, 'utf8')) as Golden;
const render = (event: LeadEvent): Golden => ({ event, record: encodeEvent(event, recordKeyOf(event)) });

// only missing files are written: what was once on a log must stay readable as it was
if (process.env['WRITE_GOLDENS'])
  for (const [type, event] of Object.entries(examples))
    if (!existsSync(fileOf(type))) writeFileSync(fileOf(type), `${JSON.stringify(render(event), null, 2)}\n`);

const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('every event type has a golden', () => {
  for (const type of Object.keys(eventTypes)) if (type !== 'decision') expect(files).toContain(`${type}.v1.json`);
});

test.each(files)('%s, once written to a log, is read as the event it was', (file) => {
  const { event, record } = readGolden(join(folder, file));
  expect(decodeEvent(record.headers, record.value)).toEqual({ ok: true, event, body: record.value });
});

test.each(Object.entries(examples))('a %s is written today as its golden', (type, event) => {
  expect(render(event)).toEqual(readGolden(fileOf(type)));
});

test.each(Object.entries(examples))('a %s survives the database, which keeps no order of members', (_, event) => {
  const { record } = render(event);
  const reordered = JSON.stringify(reverseMembers(JSON.parse(record.value)));
  expect(decodeEvent(record.headers, reordered)).toMatchObject({ ok: true, event });
});

function reverseMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseMembers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reverseMembers(member)]));
}

test.each<[string, (record: WireRecord) => void, string]>([
  ['another type', ({ headers }) => (headers['ce_type'] = 'leadfold.decision.v1'), 'unknown-type'],
  ['a later version', ({ headers }) => (headers['ce_type'] = 'leadfold.page.v2'), 'unknown-type'],
  ['no id', ({ headers }) => delete headers['ce_id'], 'bad-id'],
  ['a time out of range', ({ headers }) => (headers['ce_time'] = '1999-12-31T23:59:59Z'), 'bad-time'],
  ['no JSON', (record) => (record.value = '{'), 'bad-json'],
  ['an array', (record) => (record.value = '[]'), 'bad-body'],
  ['no properties', (record) => (record.value = record.value.replace('"properties"', '"propertys"')), 'bad-body'],
  ['no key', (record) => (record.value = record.value.replace('"anonymousId"', '"anonymous"')), 'bad-body'],
])('I14: a record with %s is refused with its reason', (_, spoil, code) => {
  const { record } = render(examples.page);
  spoil(record);
  expect(decodeEvent(record.headers, record.value)).toMatchObject({ ok: false, code });
});
