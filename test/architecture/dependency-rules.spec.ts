import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { allowed, probes } from './probes.js';

const root = path.resolve(import.meta.dirname, '../..');
const libs = [
  'platform',
  'event-log',
  'job-queue',
  'leads',
  'sources',
  'scoring',
  'funnel',
  'segments',
  'projection',
  'delivery',
  'nurture',
  'handoff',
  'insights',
  'privacy',
];

let violations: { from: string; rule: { name: string }; cycle?: { name: string }[] }[];
let cruised: string[];
let folder: string;

/** A skeleton of the tree with every violation planted at once: one cruise serves all probes. */
beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'leadfold-rules-')));
  for (const file of ['package.json', 'tsconfig.json', '.dependency-cruiser.mjs'])
    fs.copyFileSync(path.join(root, file), path.join(folder, file));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const lib of libs) {
    write(`libs/${lib}/src/index.ts`, 'export {};');
    write(`libs/${lib}/src/inner.ts`, 'export {};');
    write(`libs/${lib}/src/domain/index.ts`, 'export {};');
  }
  for (const file of [
    'apps/worker/src/inner.ts',
    'database/migrations/index.ts',
    'tools/inner.ts',
    'test/inner.ts',
    'bench/inner.ts',
  ]) {
    write(file, 'export {};');
  }
  for (const { file, line } of [...probes, ...allowed]) write(file, `${line}\nexport {};`);
  write('libs/leads/src/planted-cycle-other.ts', "import './planted-cycle.js';\nexport {};");
  const cruise = spawnSync(
    process.execPath,
    [
      path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      ...[
        '--config',
        '.dependency-cruiser.mjs',
        '--output-type',
        'json',
        'apps',
        'libs',
        'tools',
        'test',
        'bench',
        'database',
      ],
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  const report = JSON.parse(cruise.stdout) as {
    summary: { violations: typeof violations };
    modules: { source: string }[];
  };
  violations = report.summary.violations;
  cruised = report.modules.map((module) => module.source);
}, 60_000);

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
  fs.writeFileSync(path.join(folder, file), `${text}\n`);
}

describe('each dependency rule fires at a planted violation', () => {
  test.each(probes)('$rule: $file', ({ rule, file }) => {
    // a cycle is reported once, at whichever of its files comes first
    const reported = violations.filter(({ from, cycle }) => from === file || cycle?.some(({ name }) => name === file));
    expect(reported.map((violation) => violation.rule.name)).toContain(rule);
  });
});

test.each(allowed)('allowed: $file', ({ file }) => {
  expect(cruised).toContain(file);
  expect(violations.filter(({ from }) => from === file)).toEqual([]);
});

test('every rule has a probe, and every lib a direction', async () => {
  const { default: config } = (await import(path.join(root, '.dependency-cruiser.mjs'))) as {
    default: { forbidden: { name: string }[] };
  };
  const rules = config.forbidden.map(({ name }) => name);
  expect([...new Set(probes.map(({ rule }) => rule))].sort()).toEqual([...rules].sort());
  const present = fs
    .readdirSync(path.join(root, 'libs'))
    .filter((lib) => fs.existsSync(path.join(root, 'libs', lib, 'src')));
  expect(rules).toEqual(expect.arrayContaining(present.map((lib) => `direction-${lib}`)));
});

test('a file of more than 300 lines and a promise nobody waits for are reported', () => {
  const file = path.join(root, 'test', 'architecture', 'planted.ts');
  const planted = `export async function late(): Promise<void> {}\nlate();\n${'export {};\n'.repeat(300)}`;
  const code = `
    import { ESLint } from 'eslint';
    const eslint = new ESLint({ cwd: ${JSON.stringify(root)}, overrideConfig: { languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['test/architecture/planted.ts'] } } } } });
    const [result] = await eslint.lintText(${JSON.stringify(planted)}, { filePath: ${JSON.stringify(file)} });
    console.log(JSON.stringify(result.messages.map((message) => message.ruleId)));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' });
  expect(JSON.parse(output)).toEqual(expect.arrayContaining(['max-lines', '@typescript-eslint/no-floating-promises']));
}, 60_000);
