import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Option, type Command } from 'commander';
import { parseConfig } from '#libs/platform';
import { ExportPerson, ExportPersonHandler } from '#libs/privacy';
import { projectionConfig, ProjectionContext } from '#libs/projection';
import { operator, withPool } from '../operator/connect.js';
import { personNamed, type PersonNamed } from '../operator/person.js';

export function register(program: Command): void {
  program
    .command('export-person')
    .description("one person's data as JSON (schemas/person-export.schema.json)")
    .option('--email <address>')
    .option('--user-id <id>', 'with its id space: main:42')
    .option('--lead <id>')
    .addOption(new Option('--locale <language>', 'of the texts').choices(['ja', 'en']).default('en'))
    .option('--out <file>', 'else it is printed; keep the file away from backups, or erase it with the person')
    .action(async ({ locale, out, ...named }: PersonNamed & { locale: 'ja' | 'en'; out?: string }) => {
      const ref = personNamed(named);
      await withPool(async (pool) => {
        const context = await ProjectionContext.load(pool, parseConfig(projectionConfig));
        const query = new ExportPerson(ref, locale, operator());
        const pieces = await new ExportPersonHandler(pool, context).execute(query);
        if (out === undefined) for await (const piece of pieces) process.stdout.write(piece);
        else await pipeline(pieces, fs.createWriteStream(out, { mode: 0o600 }));
      });
    });
}
