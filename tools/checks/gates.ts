import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../project.js';

export interface Gate {
  name: string;
  args: string[];
  remedy: string;
}

const program = (...names: string[]) => path.join(projectRoot, 'node_modules', ...names);

export const gates: Gate[] = [
  {
    name: 'types',
    args: [program('typescript7', 'bin', 'tsc'), '-p', 'tsconfig.json', '--noEmit'],
    remedy: 'npm run typecheck',
  },
  {
    name: 'dependency rules',
    args: [
      program('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
      ...['--config', '.dependency-cruiser.mjs', 'apps', 'libs', 'tools', 'test', 'bench', 'database'],
    ],
    remedy: 'the rules stand in .dependency-cruiser.mjs',
  },
  {
    name: 'format',
    args: [program('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.'],
    remedy: 'npm run format',
  },
  { name: 'lint', args: [program('eslint', 'bin', 'eslint.js'), '.'], remedy: 'npm run lint' },
];

export interface GateResult {
  gate: Gate;
  passed: boolean;
  output: string;
  seconds: number;
}

export async function runGate(gate: Gate, signal?: AbortSignal): Promise<GateResult> {
  const since = performance.now();
  const { code, output } = await new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const child = spawn(process.execPath, gate.args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: text.trim() }));
  });
  return { gate, passed: code === 0, output, seconds: (performance.now() - since) / 1000 };
}
