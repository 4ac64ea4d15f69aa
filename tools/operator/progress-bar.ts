export interface ProgressBar {
  /** `done` of `total` in whatever `unit` says; a new `step` begins a new estimate. */
  show(step: string, done: number, total: number, unit?: string): void;
  say(line: string): void;
  end(): void;
}

const width = 24;
const lineEveryMs = 5_000;
const drawEveryMs = 100;

/** One line that is drawn over on a terminal; elsewhere a line every few seconds. */
export function progressBar(
  out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr,
  now: () => number = () => performance.now(),
): ProgressBar {
  let current: { step: string; startedAt: number; first: number } | undefined;
  let shownAt = -Infinity;
  let drawn = false;
  const clear = () => {
    if (drawn) out.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    show(step, done, total, unit = '') {
      const at = now();
      const begins = current?.step !== step;
      if (begins) current = { step, startedAt: at, first: done };
      if (!begins && done < total && at - shownAt < (out.isTTY ? drawEveryMs : lineEveryMs)) return;
      shownAt = at;
      const text = textOf(
        step,
        done,
        total,
        unit,
        remainingMs(at - current!.startedAt, done - current!.first, total - done),
      );
      if (!out.isTTY) return void out.write(`${text}\n`);
      clear();
      out.write(text);
      drawn = true;
    },
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    end: clear,
  };
}

/** By the rate of this step so far; nothing is known before something was done. */
export function remainingMs(elapsedMs: number, done: number, left: number): number | undefined {
  return done > 0 && elapsedMs > 500 ? (elapsedMs * left) / done : undefined;
}

function textOf(step: string, done: number, total: number, unit: string, leftMs: number | undefined): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.round(share * width);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`;
  const count = unit ? `  ${number(done)} of ${number(total)} ${unit}` : '';
  const left = share < 1 && leftMs !== undefined ? `  about ${spanOf(leftMs)} left` : '';
  return `  ${step.padEnd(15)} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %${count}${left}`;
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US');

function spanOf(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
