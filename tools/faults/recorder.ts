/** What became of one message id, as its sender saw it. */
export interface Sent {
  /** Ever answered with success, and not named as rejected in that answer. */
  accepted: boolean;
  rejected?: string;
  attempts: number;
  failures: number;
}

/** The senders' own account, kept outside the system under test. */
export class Recorder {
  readonly byId = new Map<string, Sent>();
  /** Calls that got no answer, by reason; and answers by status. */
  readonly lost = new Map<string, number>();
  readonly statuses = new Map<number, number>();

  private of(messageId: string): Sent {
    let sent = this.byId.get(messageId);
    if (!sent) this.byId.set(messageId, (sent = { accepted: false, attempts: 0, failures: 0 }));
    return sent;
  }

  attempted(ids: string[]): void {
    for (const id of ids) this.of(id).attempts += 1;
  }

  answered(ids: string[], status: number, rejected: ReadonlyMap<number, string>): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    ids.forEach((id, index) => {
      const sent = this.of(id);
      if (status !== 200) sent.failures += 1;
      else if (rejected.has(index)) sent.rejected = rejected.get(index)!;
      else sent.accepted = true;
    });
  }

  unanswered(ids: string[], why: string): void {
    this.lost.set(why, (this.lost.get(why) ?? 0) + 1);
    for (const id of ids) this.of(id).failures += 1;
  }

  acceptedIds(): string[] {
    return [...this.byId].filter(([, sent]) => sent.accepted).map(([id]) => id);
  }
}
