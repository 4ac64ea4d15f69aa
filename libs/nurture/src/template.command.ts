import { Command, type ICommandHandler, audit, DomainError, inTransaction, type Pool } from '#libs/platform';
import { compileTemplate } from './compile-template.js';

export interface TemplateText {
  subject: string;
  mjml: string;
}

/** One new version for every language given; mails already made keep theirs. */
export class SaveTemplateVersion extends Command<{ name: string; version: number }> {
  constructor(
    readonly name: string,
    readonly texts: { ja?: TemplateText; en?: TemplateText },
    readonly actor: string,
  ) {
    super();
  }
}

export class SaveTemplateVersionHandler implements ICommandHandler<SaveTemplateVersion> {
  static readonly handles = SaveTemplateVersion;

  constructor(private readonly pool: Pool) {}

  async execute({ name, texts, actor }: SaveTemplateVersion) {
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name))
      throw new DomainError('template-invalid', 'A name has lower-case letters, digits and hyphens.', {
        status: 422,
        path: 'name',
      });
    const given = Object.entries(texts).filter((entry): entry is [string, TemplateText] => entry[1] !== undefined);
    if (!given.length)
      throw new DomainError('template-invalid', 'A template needs a text in ja or en.', { status: 422, path: 'texts' });
    const compiled = await Promise.all(
      given.map(async ([locale, text]) => ({ locale, ...text, ...(await compileTemplate(text)) })),
    );
    return inTransaction(this.pool, async (client) => {
      await client.query("select pg_advisory_xact_lock(hashtextextended('template:' || $1, 0))", [name]);
      const next = await client.query<{ version: number }>(
        'select coalesce(max(version), 0) + 1 as version from template_version where name = $1',
        [name],
      );
      const { version } = next.rows[0]!;
      for (const { locale, subject, mjml, html } of compiled)
        await client.query(
          `insert into template_version (name, version, locale, subject, mjml, html, created_by, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, leadfold_now())`,
          [name, version, locale, subject, mjml, html, actor],
        );
      await audit(client, { actor, action: 'template.save', target: name, details: { version } });
      return { name, version };
    });
  }
}
