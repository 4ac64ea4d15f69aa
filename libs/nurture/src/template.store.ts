import { DomainError, type Queryable } from '#libs/platform';

export interface TemplateVersion {
  name: string;
  version: number;
  locale: 'ja' | 'en';
  subject: string;
  html: string;
}

export type LatestTemplate = Pick<TemplateVersion, 'version' | 'locale'>;

/** By `<name>:<locale>`. */
export async function latestTemplates(db: Queryable, names: string[]): Promise<Map<string, LatestTemplate>> {
  if (!names.length) return new Map();
  const result = await db.query<LatestTemplate & { name: string }>(
    `select distinct on (name, locale) name, locale, version from template_version
     where name = any($1::text[]) order by name, locale, version desc`,
    [[...new Set(names)]],
  );
  return new Map(result.rows.map(({ name, ...row }) => [`${name}:${row.locale}`, row]));
}

/** Versions are immutable: read once each. */
export class TemplateVersions {
  private readonly known = new Map<string, TemplateVersion>();

  async read(db: Queryable, name: string, version: number, locale: string): Promise<TemplateVersion> {
    const key = `${name}:${version}:${locale}`;
    const known = this.known.get(key);
    if (known) return known;
    const result = await db.query<TemplateVersion>(
      'select name, version, locale, subject, html from template_version where name = $1 and version = $2 and locale = $3',
      [name, version, locale],
    );
    const row = result.rows[0];
    if (!row) throw new DomainError('template-unknown', `no template ${key}`);
    if (this.known.size > 500) this.known.clear();
    this.known.set(key, row);
    return row;
  }
}
