import type { Consumer } from 'kafkajs';
import type { LaneOptions } from './surroundings.js';

/** Where one assigned partition stands. */
export interface Place {
  partition: number;
  next: number;
  failures: number;
  /** The log answered from elsewhere and was compared again: what follows is a gap, the handler's to judge. */
  doubted: boolean;
  stopped: boolean;
  /** Aborted when the partition may belong to another member. */
  lost: AbortController;
}

/** The start position of each assigned partition, asked of the handler at every assignment. */
export class Places {
  private readonly places = new Map<number, Promise<Place | undefined>>();
  private ended = false;

  constructor(
    private readonly own: LaneOptions,
    private readonly consumer: Consumer,
    private readonly name: string,
  ) {}

  /** Undefined while the partition is not ours or stands still. */
  of(partition: number): Promise<Place | undefined> {
    return this.places.get(partition) ?? Promise.resolve(undefined);
  }

  /** All partitions of a new assignment. */
  async assign(partitions: number[]): Promise<void> {
    this.lose();
    const bounds = this.own.bounds(this.own.topic);
    for (const partition of partitions) this.places.set(partition, this.place(partition, bounds, false));
    await Promise.all(this.places.values());
  }

  /** One partition whose position is in doubt. */
  async assignAgain(partition: number): Promise<void> {
    void this.release(partition);
    const placed = this.place(partition, this.own.bounds(this.own.topic), true);
    this.places.set(partition, placed);
    await placed;
  }

  /** The consumer is leaving: an answer that comes later moves nothing. */
  end(): void {
    this.ended = true;
    this.lose();
  }

  lose(): void {
    for (const partition of [...this.places.keys()]) void this.release(partition);
  }

  seek(place: Place, position: number): void {
    place.next = position;
    this.consumer.seek({ topic: this.name, partition: place.partition, offset: String(position) });
  }

  stop(place: Place, reason: string): void {
    place.stopped = true;
    this.own.lanes.setBehind(this.own.lane, String(place.partition), false);
    this.consumer.pause([{ topic: this.name, partitions: [place.partition] }]);
    this.own.log.error({ topic: this.own.topic, partition: place.partition, reason }, 'partition stopped');
  }

  private async release(partition: number): Promise<void> {
    const place = this.places.get(partition);
    this.places.delete(partition);
    (await place)?.lost.abort();
  }

  private async place(
    partition: number,
    allBounds: ReturnType<LaneOptions['bounds']>,
    doubted: boolean,
  ): Promise<Place | undefined> {
    const { handlers, lane, lanes, log, topic } = this.own;
    const scope = [{ topic: this.name, partitions: [partition] }];
    try {
      const bounds = (await allBounds).find((each) => each.partition === partition);
      if (!bounds) throw new Error('the log does not name this partition');
      const place: Place = { partition, next: 0, failures: 0, doubted, stopped: false, lost: new AbortController() };
      const answer = await handlers.assigned(bounds);
      if (this.ended) return undefined;
      if ('stop' in answer) {
        this.stop(place, answer.stop);
        return undefined;
      }
      if (answer.start < bounds.end) lanes.setBehind(lane, String(partition), true);
      this.consumer.resume(scope);
      this.seek(place, answer.start);
      return place;
    } catch (error) {
      if (this.ended) return undefined;
      log.warn({ topic, partition, cause: (error as Error).message }, 'start position unknown, will ask again');
      try {
        this.consumer.pause(scope);
      } catch {
        // the consumer is starting anew after a crash: its next assignment asks for every partition
        return undefined;
      }
      setTimeout(() => {
        if (this.places.has(partition)) void this.assignAgain(partition);
      }, 1_000).unref();
      return undefined;
    }
  }
}
