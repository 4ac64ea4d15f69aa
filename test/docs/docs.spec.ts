import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');
const notOurs = new Set(['node_modules', 'dist', 'dist.new', '.local', '.git', 'coverage']);

function* filesUnder(folder: string): Generator<string> {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!notOurs.has(entry.name)) yield* filesUnder(file);
    } else yield file;
  }
}

const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');
const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
const pages = [...filesUnder('.')].filter((file) => file.endsWith('.md'));

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

function brokenLinks(page: string): string[] {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = '', anchor] = target.split('#');
    const linked = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
    if (!fs.existsSync(path.join(root, linked))) return true;
    return anchor !== undefined && !anchorsOf(linked).includes(anchor);
  });
}

test('there are pages to look at', () => {
  expect(pages).toEqual(
    expect.arrayContaining(['README.md', 'CHANGELOG.md', 'docs/glossary.md', 'docs/adr/README.md']),
  );
});

test.each(pages)('%s: every link leads somewhere', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test.each(pages)('%s: every npm command it names exists', (page) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...read(page).matchAll(/npm (?:run (?:-s )?([a-z][\w:-]*)|(start|test)\b)/g)].map(
    ([, run, own]) => (run ?? own)!,
  );
  expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
});

test.each(pages)('%s: every operator command it names exists', (page) => {
  const programs = [...filesUnder('tools/leadfold')].map(read).join('\n');
  const named = [...read(page).matchAll(/npm run leadfold -- ([a-z][a-z-]+)/g)].map(([, verb]) => verb!);
  expect(named.filter((verb) => !programs.includes(`.command('${verb}')`))).toEqual([]);
});

/** By the config schemas, and those that only tests and tools read. */
const variables = new Set([
  ...[...read('.env.example').matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name!),
  ...['test', 'tools', 'bench', 'libs']
    .flatMap((folder) => [...filesUnder(folder)].filter((file) => /\.m?[jt]s$/.test(file)))
    .flatMap((file) => [...read(file).matchAll(/process\.env(?:\['|\.)([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name!)),
]);

test.each(pages)('%s: every variable it names is one that somebody reads', (page) => {
  const named = [...read(page).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name!);
  expect(named.filter((name) => !variables.has(name))).toEqual([]);
});

test('every decision record is in the list, under its own title, and no number stands twice', () => {
  const records = fs
    .readdirSync(path.join(root, 'docs/adr'))
    .filter((file) => /^\d{4}-/.test(file))
    .sort();
  const listed = [...read('docs/adr/README.md').matchAll(/^- \[(.+)\]\((.+)\)$/gm)].map(([, title, file]) => [
    file,
    title,
  ]);
  const titled = records.map((file) => [file, /^# (.+)$/m.exec(read(`docs/adr/${file}`))?.[1]]);
  expect(listed).toEqual(titled);
  expect(new Set(records.map((file) => file.slice(0, 4))).size).toBe(records.length);
});

test('docs/events.md shows the golden of every type', () => {
  const goldens = fs.readdirSync(path.join(root, 'test/contract/events')).filter((file) => file.endsWith('.json'));
  const shown = new Map(
    [...read('docs/events.md').matchAll(/^## (\w+)\n[\s\S]*?^```json\n([\s\S]*?)^```/gm)].map(([, type, json]) => [
      type!,
      JSON.parse(json!) as unknown,
    ]),
  );
  const values = goldens.map((file) => {
    const { record } = JSON.parse(read(`test/contract/events/${file}`)) as { record: { value: string } };
    return [file.split('.')[0]!, JSON.parse(record.value) as unknown] as const;
  });
  expect([...shown.keys()].sort()).toEqual(values.map(([type]) => type).sort());
  for (const [type, value] of values) expect(shown.get(type)).toEqual(value);
});

test('docs/how-the-parts-meet.md says of every table who writes it', () => {
  const sql = [...filesUnder('database/migrations')].map(read).join('\n');
  const tables = [...sql.matchAll(/^create table (\w+)/gm)].map(([, table]) => table!);
  const section = read('docs/how-the-parts-meet.md').split('## Who may change which table')[1]!;
  const told = [...section.matchAll(/^\| ([a-z_, ]+?) +\|/gm)]
    .flatMap(([, names]) => names!.split(', '))
    .filter((name) => name !== 'table');
  expect(told.sort()).toEqual(tables.sort());
});

test('docs/guides/writing-a-scenario.md shows the scenario that ships', () => {
  const [, shown] = /^```yaml\n([\s\S]*?)^```/m.exec(read('docs/guides/writing-a-scenario.md'))!;
  expect(shown).toBe(read('scenarios/introduction.yaml'));
});
