/** Per write key; a full bucket is forgotten, so memory holds only the keys of the last moments. */
export class TokenBuckets {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly perSecond: number,
    private readonly burst = perSecond * 2,
  ) {}

  /** Seconds to wait, or 0 when `count` tokens were taken. */
  take(key: string, count: number, nowMs: number): number {
    const bucket = this.buckets.get(key) ?? { tokens: this.burst, at: nowMs };
    bucket.tokens = Math.min(this.burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * this.perSecond);
    bucket.at = nowMs;
    this.buckets.set(key, bucket);
    // a request larger than the whole bucket passes when the bucket is full, or it could never pass
    const needed = Math.min(count, this.burst);
    if (bucket.tokens < needed) return Math.max(1, Math.ceil((needed - bucket.tokens) / this.perSecond));
    bucket.tokens -= needed;
    return 0;
  }
}
