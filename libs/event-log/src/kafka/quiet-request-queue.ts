import { createRequire } from 'node:module';

/** The part of kafkajs 2.2.4's request queue that is replaced below. */
interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  pending: unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/**
 * Not throttled, kafkajs 2.2.4 schedules its check for a time in the past and so wakes up every millisecond for ever, on
 * every connection: 4 % of a core for an idle consumer, and a warning on newer versions of Node. Here it is scheduled
 * only while there is something to wait for.
 */
export function quietRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
    prototype: RequestQueue;
  };
  if (typeof prototype.scheduleCheckPendingRequests !== 'function')
    throw new Error('kafkajs has another request queue: look whether this is still needed');
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    const throttledMs = this.throttledUntil - Date.now();
    if (this.throttleCheckTimeoutId || (this.pending.length === 0 && throttledMs <= 0)) return;
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : 10,
    );
  };
}
