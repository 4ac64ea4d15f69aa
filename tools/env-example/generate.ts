import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { projectRoot } from '../project.js';

export interface NamedSchema {
  /** `libs/event-log`, `apps/collector` */
  part: string;
  schema: z.ZodObject<z.ZodRawShape>;
}

/** Every config schema there is, found by its file name: a new one needs no list. */
export async function loadSchemas(): Promise<NamedSchema[]> {
  const compiled = import.meta.filename.endsWith('.js');
  const found: NamedSchema[] = [];
  for (const file of configFiles()) {
    const target = compiled
      ? path.join(projectRoot, 'dist', file.replace(/\.ts$/, '.js'))
      : path.join(projectRoot, file);
    const exported = (await import(pathToFileURL(target).href)) as Record<string, unknown>;
    for (const value of Object.values(exported)) {
      if (value instanceof z.ZodObject) found.push({ part: file.split('/').slice(0, 2).join('/'), schema: value });
    }
  }
  return found;
}

function configFiles(): string[] {
  const found = ['libs', 'apps'].flatMap((zone) =>
    fs
      .readdirSync(path.join(projectRoot, zone), { recursive: true })
      .map((name) => path.posix.join(zone, String(name).split(path.sep).join('/')))
      .filter((name) => /\.config\.ts$/.test(name) && !name.includes('node_modules'))
      .sort(),
  );
  return ['libs/platform/src/config.ts', ...found];
}

/** Required ones stand open, optional ones as a comment that shows the default. */
export function envExample(schemas: NamedSchema[]): string {
  const seen = new Set<string>();
  const sections = schemas.map(({ part, schema }) => {
    const lines = Object.entries(schema.shape)
      .filter(([name]) => !seen.has(name))
      .map(([name, field]) => {
        seen.add(name);
        const { required, fallback, about } = read(field as z.ZodType);
        return `# ${about}${required ? ' (required)' : ''}\n${required ? '' : '# '}${name}=${fallback}\n`;
      });
    return lines.length ? `## ${part}\n\n${lines.join('\n')}` : '';
  });
  const head =
    '# Every variable that Leadfold reads, generated from the config schemas: npm run leadfold -- env-example\n';
  return `${head}# A local start (npm start, npm run demo) needs none of them.\n\n${sections.filter(Boolean).join('\n')}`;
}

function read(field: z.ZodType): { required: boolean; fallback: string; about: string } {
  const absent = field.safeParse(undefined);
  const fallback = absent.success && absent.data !== undefined ? plain(absent.data) : '';
  return { required: !absent.success, fallback, about: descriptionOf(field) };
}

const plain = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** `.describe()` may stand before or after `.default()` or `.optional()`. */
function descriptionOf(field: z.ZodType): string {
  if (field.description) return field.description;
  const inner = (field as { def?: { innerType?: z.ZodType; in?: z.ZodType } }).def;
  const next = inner?.innerType ?? inner?.in;
  return next ? descriptionOf(next) : '';
}
