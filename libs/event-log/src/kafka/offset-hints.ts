import type { Consumer } from 'kafkajs';
import type { Logger } from '#libs/platform';

const everyMs = 1_000;

/** Offsets as lag tools see them, told once a second: what is applied stands in PostgreSQL. */
export class OffsetHints {
  private readonly applied = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly consumer: Consumer,
    private readonly topic: string,
    private readonly log: Logger,
  ) {}

  note(partition: number, next: number): void {
    this.applied.set(partition, next);
    this.timer ??= setTimeout(() => this.tell(), everyMs);
  }

  end(): void {
    clearTimeout(this.timer);
    this.tell();
  }

  private tell(): void {
    this.timer = undefined;
    const offsets = [...this.applied].map(([partition, next]) => ({
      topic: this.topic,
      partition,
      offset: String(next),
    }));
    this.applied.clear();
    if (offsets.length === 0) return;
    this.consumer.commitOffsets(offsets).catch((error: Error) => {
      this.log.debug({ topic: this.topic, cause: error.message }, 'offset hints not committed');
    });
  }
}
