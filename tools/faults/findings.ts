import pc from 'picocolors';

export interface Finding {
  name: string;
  holds: boolean;
  seen: string;
}

/** What was asked of the run, in the order of asking. Nothing is thrown: every broken promise is listed. */
export class Findings {
  readonly all: Finding[] = [];

  constructor(private readonly print: (text: string) => void) {}

  check(name: string, holds: boolean, seen: string | number): void {
    this.all.push({ name, holds, seen: String(seen) });
    this.print(`  ${holds ? pc.green('✓') : pc.red('✗')} ${name.padEnd(74)} ${pc.dim(String(seen))}`);
  }

  /** Holds when nothing is listed; shows the first few otherwise. */
  none(name: string, offending: readonly unknown[], seen = ''): void {
    const shown = offending.slice(0, 5).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    const more = offending.length > 5 ? ` and ${offending.length - 5} more` : '';
    this.check(
      name,
      offending.length === 0,
      offending.length ? `${offending.length}: ${shown.join('; ')}${more}` : seen || '0',
    );
  }

  get broken(): Finding[] {
    return this.all.filter((finding) => !finding.holds);
  }
}
