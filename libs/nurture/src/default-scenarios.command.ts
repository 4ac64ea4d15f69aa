import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { advisoryLocks, type Pool } from '#libs/platform';
import { parseScenario } from './domain/scenario.js';
import {
  ActivateScenario,
  ActivateScenarioHandler,
  SaveScenarioVersion,
  SaveScenarioVersionHandler,
} from './scenario.command.js';
import { SaveTemplateVersion, SaveTemplateVersionHandler, type TemplateText } from './template.command.js';

const actor = 'system';

/** The folder of the shipped files: the same distance up from the sources and from `dist`, where they are not copied. */
function shippedRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(folder, 'scenarios')) || !fs.existsSync(path.join(folder, 'templates'))) {
    const above = path.dirname(folder);
    if (above === folder) throw new Error('the shipped scenarios and templates are missing');
    folder = above;
  }
  return folder;
}

/**
 * Saves and activates what is shipped, where the database has none by that name: what a marketer changed or paused stays.
 * Needs a published rulebook. Returns the names that are new.
 */
export async function ensureDefaultScenarios(pool: Pool): Promise<string[]> {
  // two workers that start on an empty database take turns: the second finds everything saved
  const turn = await pool.connect();
  try {
    await turn.query('select pg_advisory_lock($1)', [advisoryLocks.shippedScenarios]);
    return await ship(pool);
  } finally {
    const unlocked = await turn
      .query('select pg_advisory_unlock($1)', [advisoryLocks.shippedScenarios])
      .catch((error: Error) => error);
    turn.release(unlocked instanceof Error ? unlocked : undefined);
  }
}

async function ship(pool: Pool): Promise<string[]> {
  const root = shippedRoot();
  const have = await pool.query<{ name: string }>(
    'select name from scenario union select distinct name from template_version',
  );
  const known = new Set(have.rows.map((row) => row.name));
  for (const [name, texts] of shippedTemplates(path.join(root, 'templates')))
    if (!known.has(name))
      await new SaveTemplateVersionHandler(pool).execute(new SaveTemplateVersion(name, texts, actor));
  const created: string[] = [];
  for (const file of fs.readdirSync(path.join(root, 'scenarios')).sort()) {
    const document = parseScenario(fs.readFileSync(path.join(root, 'scenarios', file), 'utf8'));
    if (known.has(document.name)) continue;
    await new SaveScenarioVersionHandler(pool).execute(new SaveScenarioVersion(document, actor));
    await new ActivateScenarioHandler(pool).execute(new ActivateScenario(document.name, undefined, actor));
    created.push(document.name);
  }
  return created;
}

/** `<name>.<ja|en>.mjml`; the first line is a comment with the subject. */
function shippedTemplates(folder: string): Map<string, { ja?: TemplateText; en?: TemplateText }> {
  const templates = new Map<string, { ja?: TemplateText; en?: TemplateText }>();
  for (const file of fs.readdirSync(folder).sort()) {
    const named = /^([a-z0-9-]+)\.(ja|en)\.mjml$/.exec(file);
    if (!named) continue;
    const [, name, locale] = named as unknown as [string, string, 'ja' | 'en'];
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    const subject = /^<!-- subject: (.+) -->\n/.exec(text);
    if (!subject) throw new Error(`${file} does not begin with its subject`);
    templates.set(name, {
      ...templates.get(name),
      [locale]: { subject: subject[1]!, mjml: text.slice(subject[0].length) },
    });
  }
  return templates;
}
