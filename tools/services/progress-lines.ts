import pc from 'picocolors';

export interface ProgressLines {
  line(label: string, text: string): void;
  warn(label: string, text: string): void;
}

/** `  Kafka        ready on 127.0.0.1:24092 (2.1 s)` */
export function progressLines(
  write: (text: string) => void = (text) => void process.stderr.write(text),
): ProgressLines {
  return {
    line: (label, text) => write(`  ${pc.cyan(label.padEnd(11))} ${text}\n`),
    warn: (label, text) => write(`  ${pc.yellow(label.padEnd(11))} ${text}\n`),
  };
}

export const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** A failure that says what to do; printed without a stack. */
export class ServiceError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(`${message}\n  → ${remedy}`);
    this.name = 'ServiceError';
  }
}
