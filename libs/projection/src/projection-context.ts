import { defaultBrowserLimit, defaultKeyLimit, type Zone } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import type { CompiledRulebook } from './domain/index.js';
import type { ProjectionConfig } from './projection.config.js';
import { organisationZone, readRulebook } from './rulebook.store.js';

export type Rulebook = CompiledRulebook;

export interface ProjectionSettings {
  /** Keys that one person may have; a link past it is skipped and reported. */
  keyLimit: number;
  /** People that may identify themselves on one browser; one that more did is nobody's. */
  browserLimit: number;
  /** Events older than this when they were received decide quietly, ms. */
  oldEventMs: number;
  /** A refold that would read more events than this runs outside the batch. */
  refoldLimit: number;
}

export const defaultSettings: ProjectionSettings = {
  keyLimit: defaultKeyLimit,
  browserLimit: defaultBrowserLimit,
  oldEventMs: 24 * 3_600_000,
  refoldLimit: 20_000,
};

/** What every projection of one process shares. Rulebook versions are immutable, so each is compiled once. */
export class ProjectionContext {
  private readonly rulebooks = new Map<number, Rulebook>();

  constructor(
    readonly zone: Zone,
    readonly settings: ProjectionSettings = defaultSettings,
  ) {}

  /** With the zone that this database's days are counted in. */
  static async load(db: Queryable, config: ProjectionConfig): Promise<ProjectionContext> {
    const settings = {
      keyLimit: config.KEY_LIMIT,
      browserLimit: config.BROWSER_LIMIT,
      oldEventMs: config.OLD_EVENT_HOURS * 3_600_000,
      refoldLimit: config.REFOLD_LIMIT,
    };
    return new ProjectionContext(await organisationZone(db), settings);
  }

  async rulebook(db: Queryable, version: number): Promise<Rulebook> {
    const known = this.rulebooks.get(version);
    if (known) return known;
    const rulebook = await readRulebook(db, version, this.zone);
    this.rulebooks.set(version, rulebook);
    for (const old of [...this.rulebooks.keys()].slice(0, -8)) this.rulebooks.delete(old);
    return rulebook;
  }
}
