import fs from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { ListHeldAlertsHandler, ListHeldAlerts, ReleaseHeldAlerts, ReleaseHeldAlertsHandler } from '#libs/handoff';
import { CompareRulebooks, CompareRulebooksHandler } from '#libs/insights';
import { DomainError, parseConfig, type Pool } from '#libs/platform';
import {
  liveRulebook,
  parseRulebook,
  projectionConfig,
  ProjectionContext,
  publish,
  readDocument,
  saveVersion,
  versions,
  type RulebookDocument,
} from '#libs/projection';
import { operator, withPool } from '../operator/connect.js';

const locale = () => new Option('--locale <locale>', 'language of the texts').choices(['ja', 'en']).default('ja');

export function register(program: Command): void {
  const rulebook = program.command('rulebook').description('checks, compares, publishes and reverts rulebooks');

  rulebook
    .command('validate <file>')
    .description('every error with its path; exits with 1 if there is one')
    .action((file: string) => {
      const { errors = [] } = parseRulebook(fs.readFileSync(file, 'utf8'));
      for (const error of errors) console.log(`${error.path || file}: ${error.message}`);
      if (errors.length > 0) process.exitCode = 1;
      else console.log('no errors');
    });

  rulebook
    .command('versions')
    .description('every version, newest first')
    .action(() =>
      withPool(async (pool) => {
        for (const { version, live, publishedAt, createdBy, note } of await versions(pool))
          console.log(
            `${live ? '*' : ' '} ${version}  ${publishedAt ? `published ${publishedAt.toISOString()}` : 'not published'}  ${createdBy}  ${note}`,
          );
      }),
    );

  rulebook
    .command('diff <draft>')
    .description('a draft (a file, or a version number) against the live rulebook, in words and in effect')
    .addOption(locale())
    .action((draft: string, options: { locale: 'ja' | 'en' }) =>
      withPool((pool) => showDifference(pool, draft, options.locale)),
    );

  rulebook
    .command('save <file>')
    .description('keeps a file as a new version; it changes nothing until it is published')
    .requiredOption('--note <text>', 'why')
    .action((file: string, { note }: { note: string }) =>
      withPool(async (pool) => console.log(`version ${await saveVersion(pool, fromFile(file), operator(), note)}`)),
    );

  rulebook
    .command('publish <draft>')
    .description('makes a file or a saved version live, quietly: nobody is alerted or written to')
    .requiredOption('--note <text>', 'why')
    .action((draft: string, { note }: { note: string }) =>
      withPool(async (pool) => {
        const version = await versionOf(pool, draft, note);
        await publish(pool, version, operator(), note);
        console.log(`version ${version} is live; leads are re-derived by the projector`);
      }),
    );

  rulebook
    .command('revert')
    .description('publishes the version again that was live before')
    .option('--note <text>', 'why', 'reverted')
    .action(({ note }: { note: string }) =>
      withPool(async (pool) => {
        const version = await versionBefore(pool);
        await publish(pool, version, operator(), note);
        console.log(`version ${version} is live again`);
      }),
    );

  rulebook
    .command('held-alerts <version>')
    .description('the alerts that publishing a version held back')
    .action((version: string) =>
      withPool(async (pool) => {
        const { alerts, complete } = await new ListHeldAlertsHandler(pool).execute(
          new ListHeldAlerts(numberOf(version), { limit: 1_000 }),
        );
        for (const alert of alerts)
          console.log(
            `${alert.crossing}  lead ${alert.lead}  ${alert.company ?? ''} ${alert.displayName ?? alert.email ?? ''}  ${alert.temperature ?? ''}  ${alert.rules.join(', ')}  ${alert.releasedAt ? `released ${alert.releasedAt.toISOString()}` : 'held'}`,
          );
        console.log(`${alerts.length} shown${complete ? '' : '; leads are still being derived under this version'}`);
      }),
    );

  rulebook
    .command('release <version> [crossings...]')
    .description('lets held alerts go: those named, or all')
    .option('--all', 'all that are still held')
    .option('--still-hot', 'with --all: only leads that are hot now')
    .option('--note <text>', 'why', '')
    .action((version: string, crossings: string[], options: { all?: true; stillHot?: true; note: string }) =>
      withPool(async (pool) => {
        if (crossings.length > 0 === (options.all === true))
          throw new DomainError('which-alerts', 'Name the crossings, or say --all.');
        const which = options.all ? { all: true as const, stillHot: options.stillHot === true } : { crossings };
        const done = await new ReleaseHeldAlertsHandler(pool).execute(
          new ReleaseHeldAlerts(numberOf(version), which, operator(), options.note),
        );
        console.log(`${done.released} released, ${done.alreadyReleased} released before`);
      }),
    );
}

async function showDifference(pool: Pool, draft: string, language: 'ja' | 'en'): Promise<void> {
  const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
  const document = isVersion(draft) ? await readDocument(pool, Number(draft)) : fromFile(draft);
  const compared = await new CompareRulebooksHandler(pool, context).execute(new CompareRulebooks(document, language));
  for (const change of compared.changes) console.log(`  ${change.text}`);
  console.log(compared.summary);
  for (const [index, shift] of compared.effect.first.entries()) console.log(`  ${index + 1}. ${shift.text}`);
  if (compared.uncounted.length > 0) console.log(`not counted yet: ${compared.uncounted.join(', ')}`);
  console.log(`${compared.effect.leads} leads against version ${compared.live}, ${compared.tookMs} ms`);
}

const isVersion = (text: string): boolean => /^\d{1,9}$/.test(text);

function fromFile(file: string): RulebookDocument {
  const parsed = parseRulebook(fs.readFileSync(file, 'utf8'));
  if (parsed.errors)
    throw new DomainError(
      'rulebook-invalid',
      parsed.errors.map((error) => `${error.path || file}: ${error.message}`).join('\n'),
    );
  return parsed.document;
}

const versionOf = async (pool: Pool, draft: string, note: string): Promise<number> =>
  isVersion(draft) ? Number(draft) : saveVersion(pool, fromFile(draft), operator(), note);

/** The latest publish of another version than the live one. */
async function versionBefore(pool: Pool): Promise<number> {
  const live = await liveRulebook(pool);
  const found = await pool.query<{ version: number }>(
    'select version from rulebook_publish where version <> $1 order by id desc limit 1',
    [live.version],
  );
  const before = found.rows[0];
  if (!before) throw new DomainError('nothing-before', 'No other version was ever live.');
  return before.version;
}

function numberOf(text: string): number {
  if (!isVersion(text)) throw new InvalidArgumentError('a version is a number');
  return Number(text);
}
