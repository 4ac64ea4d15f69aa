import pc from 'picocolors';

/** What the demo claims, each checked against the running system. */
export class Claims {
  private readonly failures: string[] = [];

  constructor(private readonly print: (text: string) => void) {}

  check(claim: string, holds: boolean, seen = ''): void {
    this.print(`  ${holds ? pc.green('✓') : pc.red('✗')} ${claim}${seen ? pc.dim(`  ${seen}`) : ''}`);
    if (!holds) this.failures.push(claim);
  }

  /** Asks again until it holds or `limitMs` is over: mails and folds take their moment. */
  async eventually(
    claim: string,
    look: () => Promise<{ holds: boolean; seen?: string }>,
    limitMs: number,
  ): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const result = await look();
      if (result.holds || performance.now() > deadline) return this.check(claim, result.holds, result.seen);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }

  get failed(): readonly string[] {
    return this.failures;
  }
}
