import type { FetchAnswer, OpenBroker } from './open-broker.js';

/** Longer than any pause that a partition is given after a failure. */
const quietAfterMs = 15_000;
const patientMs = 5_000;

/**
 * A fetch without records costs broker and consumer the same whenever its time is up, so a quiet topic is asked less often; a
 * record is answered at once either way. kafkajs waits for the fetch under way before it stops, seeks or resumes: the first is
 * answered here, and there is nothing of the others to do where the same was asked for so long.
 */
export class PatientFetch {
  private readonly underWay = new Set<() => void>();
  private stopped = false;

  teach(broker: OpenBroker): void {
    const fetch = broker.fetch.bind(broker);
    const fetching = broker.connectionPool.pool[1]!;
    let asked = '';
    let since = 0;
    broker.fetch = async (request) => {
      if (this.stopped) return { responses: [] };
      const asks = JSON.stringify(request.topics);
      if (asks !== asked) [asked, since] = [asks, performance.now()];
      const quiet = performance.now() - since > quietAfterMs;
      let giveUp: () => void;
      const givenUp = new Promise<FetchAnswer>((resolve) => {
        giveUp = () => {
          resolve({ responses: [] });
          // a connection is not closed before everything on it is answered
          fetching.rejectRequests(new Error('the consumer stops'));
        };
        this.underWay.add(giveUp);
      });
      try {
        return await Promise.race([fetch(quiet ? { ...request, maxWaitTime: patientMs } : request), givenUp]);
      } finally {
        this.underWay.delete(giveUp!);
      }
    };
  }

  stop(): void {
    this.stopped = true;
    for (const giveUp of this.underWay) giveUp();
  }
}
