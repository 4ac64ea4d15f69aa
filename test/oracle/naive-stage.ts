/** What happens to one lead's stage, in order: conditions hold, sales says something, something said is withdrawn. */
export interface StageStep {
  /** Stages whose condition holds now. */
  holds: readonly string[];
  says?: string;
  /** Number of the step whose outcome is withdrawn. */
  withdraws?: number;
}

export interface NaiveFunnel {
  stages: readonly { name: string; outcomes: readonly string[] }[];
  recycleTo: string;
}

/**
 * The definition: everything is told again from the start, as if what is withdrawn now had never been said. But what
 * was withdrawn only after a word that still stands remains in the story: that word was said of a lead who stood there.
 */
export function naiveStage(
  { stages, recycleTo }: NaiveFunnel,
  steps: readonly StageStep[],
): { stage: string; blocked: string[] } {
  const withdrawn = new Set(steps.map((step) => step.withdraws));
  const names = stages.map(({ name }) => name);
  const targetOf = (says: string): string | undefined =>
    says === 'recycled'
      ? recycleTo
      : says === 'lost'
        ? 'lost'
        : stages.find(({ outcomes }) => outcomes.includes(says))?.name;
  const endOf = (number: number): number => steps.findIndex(({ withdraws }) => withdraws === number);
  const untold = (number: number): boolean =>
    withdrawn.has(number) &&
    !steps.some(
      ({ says }, later) =>
        number < later &&
        later < endOf(number) &&
        !withdrawn.has(later) &&
        says !== undefined &&
        targetOf(says) !== undefined,
    );
  let stage = names[0]!;
  let blocked: string[] = [];
  for (const [number, { holds, says }] of steps.entries()) {
    blocked = blocked.filter((name) => holds.includes(name));
    const target = says === undefined || untold(number) ? undefined : targetOf(says);
    const place = (name: string): number => (name === 'lost' ? names.length : names.indexOf(name));
    if (target !== undefined && target !== stage) {
      if (target === 'lost' || place(target) < place(stage))
        blocked = names.filter((name) => place(name) > place(target) && holds.includes(name));
      stage = target;
    }
    if (stage === 'lost') continue;
    for (const name of names)
      if (place(name) > place(stage) && holds.includes(name) && !blocked.includes(name)) stage = name;
  }
  return { stage, blocked };
}
