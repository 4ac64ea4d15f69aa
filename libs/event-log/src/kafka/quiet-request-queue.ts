import { createRequire } from 'node:module';

/** The part of kafkajs 2.2.4's request queue that is replaced below. */
interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  requestTimeoutIntervalId: NodeJS.Timeout | undefined;
  enforceRequestTimeout: boolean;
  inflight: Map<number, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>;
  pending: unknown[];
  destroy(): void;
  sendSocketRequest(request: unknown): void;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
}

const timeoutCheckMs = 100;
let quiet = false;

/**
 * Two timers of kafkajs 2.2.4 never rest, on any connection. Not throttled, it schedules its check of waiting requests for a
 * time in the past and so wakes up every millisecond: 4 % of a core for an idle consumer, and a warning on newer versions of
 * Node. And ten times a second it looks whether a request was left without an answer, though there be none. Here both are
 * scheduled only while there is something to wait for.
 */
export function quietRequestQueue(): void {
  if (quiet) return;
  quiet = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
    prototype: RequestQueue;
  };
  const { sendSocketRequest, destroy } = prototype;
  for (const method of [
    sendSocketRequest,
    destroy,
    prototype.scheduleCheckPendingRequests,
    prototype.scheduleRequestTimeoutCheck,
  ])
    if (typeof method !== 'function')
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

  prototype.sendSocketRequest = function (this: RequestQueue, request: unknown) {
    sendSocketRequest.call(this, request);
    this.scheduleRequestTimeoutCheck();
  };

  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue) {
    if (!this.enforceRequestTimeout || this.requestTimeoutIntervalId || this.inflight.size === 0) return;
    this.requestTimeoutIntervalId = setTimeout(() => {
      this.requestTimeoutIntervalId = undefined;
      for (const request of [...this.inflight.values()])
        if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
      this.scheduleRequestTimeoutCheck();
    }, timeoutCheckMs);
  };

  prototype.destroy = function (this: RequestQueue) {
    destroy.call(this);
    this.requestTimeoutIntervalId = undefined;
  };
}
