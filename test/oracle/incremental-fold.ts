import {
  anonKey,
  apartOf,
  emptyState,
  foldEvent,
  identityOf,
  isStrong,
  joinComponents,
  judge,
  kindOf,
  mergeStates,
  movedIntervals,
  ownedIntervals,
  ownerAt,
  primaryKeyOf,
  soleOwner,
  type EventIdentity,
  type FoldContext,
  type Identification,
  type Judgements,
  type LeadEvent,
  type LeadState,
  type Link,
  type LinkPair,
  type SignalIndex,
  type SubjectKey,
  type Zone,
} from '#libs/leads/domain';
import { keySetName, type Leads } from './naive-fold.js';
import { replace } from './replace.js';

/**
 * The projector's batch without a database: what it reads, what it moves, what it adds and what it refolds. A lead is the
 * number minted for a key; `mergedInto` always names the root, the oldest lead of its component.
 */
export class IncrementalFold {
  /** How the work was done, so that a test can tell that each path was taken. */
  readonly work = { folded: 0, added: 0, refolded: 0, moved: 0, split: 0, judged: 0, crowded: 0 };

  private readonly events = new Map<string, LeadEvent>();
  private judgements: Judgements = judge([]);
  private readonly links = new Map<string, Link>();
  private readonly aparts = new Map<string, LinkPair>();
  private readonly identifications = new Map<string, Map<string, Identification>>();
  private readonly leadOfKey = new Map<SubjectKey, number>();
  private readonly mergedInto = new Map<number, number>();
  private readonly states = new Map<number, LeadState>();

  constructor(
    private readonly signals: SignalIndex,
    private readonly zone: Zone,
    private readonly keyLimit: number,
    private readonly browserLimit: number,
  ) {}

  apply(batch: readonly LeadEvent[]): void {
    const fresh = new Map<string, LeadEvent>();
    for (const event of batch) if (!this.events.has(event.id) && !fresh.has(event.id)) fresh.set(event.id, event);

    // 1. Judgements: which stored events change? Whose a browser's events were is asked before anything moves.
    const judged = this.judgedBy([...fresh.values()]);
    const refold = new Set<number>();
    const rootBefore = this.rootReader();
    for (const event of fresh.values()) this.events.set(event.id, event);
    this.judgements = judge(this.events.values());

    // 2. Who is who, as far as the fresh and the judged events say it.
    const changes = this.restateIdentity([...fresh.values(), ...judged]);
    const before = new Map([...changes.timelines].map(([anon, rows]) => [anon, ownedIntervals(rows, rootBefore)]));

    // 3. Components: merged by addition where they only grow, refolded where one is split.
    this.rejoin(changes.keys, refold);

    // 4. Browsers whose time line changed.
    for (const [anon, intervals] of before) this.moveBrowser(anon, intervals, fresh, refold);

    // 5. Owners of what was judged, as they are now: whatever moved was either refolded on both sides or added to one of
    //    these. Then the fresh events, unless a refold reads them anyway.
    for (const event of judged) refold.add(this.ownerOf(event));
    this.work.judged += judged.length;
    const context = this.context();
    for (const event of fresh.values()) {
      if (!this.counts(event)) continue;
      const owner = this.ownerOf(event);
      if (refold.has(owner)) continue;
      foldEvent(this.stateOf(owner), event, context);
      this.work.folded += 1;
    }
    for (const lead of refold) if (this.rootOf(lead) === lead) this.refold(lead, context);
  }

  leads(): Leads {
    const keys = new Set<SubjectKey>();
    for (const event of this.events.values()) if (this.counts(event)) keys.add(primaryKeyOf(event)!);
    for (const link of this.links.values()) keys.add(link.a).add(link.b);
    for (const rows of this.identifications.values()) for (const row of rows.values()) keys.add(row.strong);
    const keySets = new Map<number, SubjectKey[]>();
    for (const key of keys) {
      const root = this.rootOfKey(key);
      keySets.set(root, [...(keySets.get(root) ?? []), key]);
    }
    return new Map([...keySets].map(([lead, leadKeys]) => [keySetName(leadKeys), this.stateOf(lead)]));
  }

  /** Stored facts that a fresh judgement (or a retraction of one) may show in another light. */
  private judgedBy(fresh: readonly LeadEvent[]): LeadEvent[] {
    const targets = new Map<string, LeadEvent>();
    const add = (id: string | undefined): void => {
      const target = id === undefined ? undefined : this.events.get(id);
      if (target && isFact(target)) targets.set(target.id, target);
    };
    const freshById = new Map(fresh.map((event) => [event.id, event]));
    for (const event of fresh) {
      if (event.refersTo === undefined) continue;
      add(event.refersTo);
      const target = this.events.get(event.refersTo) ?? freshById.get(event.refersTo);
      if (event.type === 'retraction' && target && !isFact(target) && target.type !== 'retraction')
        add(target.refersTo);
    }
    return [...targets.values()];
  }

  /** Writes the links, apart pairs and identifications that these events now state; returns what changed. */
  private restateIdentity(events: readonly LeadEvent[]): {
    keys: Set<SubjectKey>;
    timelines: Map<string, Identification[]>;
  } {
    const keys = new Set<SubjectKey>();
    const timelines = new Map<string, Identification[]>();
    for (const event of events) {
      if (!isFact(event)) continue;
      const present = this.counts(event);
      if (present) this.mint(primaryKeyOf(event)!);
      const said: EventIdentity =
        present && !this.judgements.unmerged(event.id)
          ? identityOf(event, this.judgements.verdictOf(event.id))
          : { identifications: [] };
      const stamp = { at: event.occurredAt, event: event.id };
      for (const pair of [
        replace(this.links, event.id, said.link && { ...said.link, ...stamp }),
        replace(this.aparts, event.id, present ? apartOf(event) : undefined),
      ])
        if (pair) keys.add(pair.a).add(pair.b);
      // the event's keys never change, so what it could ever state names every time line it may have changed
      const possible = identityOf(event, 'human').identifications;
      for (const { anon } of possible) {
        const rows = this.identifications.get(anon) ?? new Map<string, Identification>();
        this.identifications.set(anon, rows);
        if (!timelines.has(anon)) timelines.set(anon, this.countedOn(anon));
        const now = said.identifications.find((identified) => identified.anon === anon);
        if (now) this.mint(now.strong);
        replace(rows, event.id, now && { ...stamp, strong: now.strong });
      }
    }
    return { keys, timelines };
  }

  /** Joins anew everything that is linked, skipped links included, to the changed keys. */
  private rejoin(changed: ReadonlySet<SubjectKey>, refold: Set<number>): void {
    for (const key of changed) this.mint(key);
    const reach = new Set(changed);
    const links = [...this.links.values()];
    for (const key of [...changed])
      for (const other of this.keysOfRoot(this.rootOfKey(key))) if (isStrong(other)) reach.add(other);
    for (let size = -1; size !== reach.size;) {
      size = reach.size;
      for (const { a, b } of links) if (reach.has(a) || reach.has(b)) reach.add(a).add(b);
    }
    const components = joinComponents(
      links.filter((link) => reach.has(link.a)),
      this.aparts.values(),
      this.keyLimit,
    );
    const groups = new Map<SubjectKey, SubjectKey[]>();
    for (const key of reach) groups.set(components.rootOf(key), [...(groups.get(components.rootOf(key)) ?? []), key]);

    const oldRoots = new Map([...reach].map((key) => [key, this.rootOfKey(key)]));
    const groupsOfRoot = new Map<number, Set<SubjectKey>>();
    for (const [key, root] of oldRoots)
      groupsOfRoot.set(root, (groupsOfRoot.get(root) ?? new Set()).add(components.rootOf(key)));
    const split = new Set([...groupsOfRoot].filter(([, parts]) => parts.size > 1).map(([root]) => root));
    this.work.split += split.size;
    const browsers = [...this.leadOfKey.keys()].filter((key) => !isStrong(key));
    for (const keys of groups.values()) {
      const roots = [...new Set(keys.map((key) => oldRoots.get(key)!))];
      const root = Math.min(...keys.map((key) => this.leadOfKey.get(key)!));
      if (roots.some((old) => split.has(old))) refold.add(root);
      else if (roots.length > 1 || roots[0] !== root) {
        const state = roots.map((old) => this.stateOf(old)).reduce(mergeStates);
        for (const old of roots) this.states.delete(old);
        this.states.set(root, state);
        this.work.added += 1;
      }
      for (const key of keys) this.mergedInto.set(this.leadOfKey.get(key)!, root);
    }
    for (const key of browsers) this.placeBrowser(key.slice(2));
  }

  /** Identifications of a browser that are in force: none where there are more people than may be. */
  private countedOn(anon: string): Identification[] {
    const rows = [...(this.identifications.get(anon)?.values() ?? [])];
    if (new Set(rows.map((row) => row.strong)).size <= this.browserLimit) return rows;
    this.work.crowded += 1;
    return [];
  }

  /** A browser that only one component has identified is that component's; any other is a lead of its own. */
  private placeBrowser(anon: string): number | undefined {
    const lead = this.leadOfKey.get(anonKey(anon));
    const owner = soleOwner(this.countedOn(anon), (strong) => this.rootOfKey(strong));
    if (lead !== undefined) this.mergedInto.set(lead, owner ?? lead);
    return owner;
  }

  private moveBrowser(
    anon: string,
    before: ReturnType<typeof ownedIntervals<number>>,
    fresh: ReadonlyMap<string, LeadEvent>,
    refold: Set<number>,
  ): void {
    const lone = this.leadOfKey.get(anonKey(anon));
    const sole = this.placeBrowser(anon);
    const movedRoots = before.map((interval) => ({
      ...interval,
      owner: interval.owner === undefined ? undefined : this.rootOf(interval.owner),
    }));
    const owned = ownedIntervals(this.countedOn(anon), (strong) => this.rootOfKey(strong));
    const moved = movedIntervals(movedRoots, owned);
    if (lone === undefined) return;
    if (before.length === 1 && before[0]!.owner === undefined && sole !== undefined) {
      if (!refold.has(sole)) this.states.set(sole, mergeStates(this.stateOf(sole), this.stateOf(lone)));
      this.states.delete(lone);
      this.work.added += 1;
      return;
    }
    for (const { from, until, before: old, after } of moved) {
      if (!this.anyStoredBetween(anon, from, until, fresh)) continue;
      refold.add(old ?? lone).add(after ?? lone);
      this.work.moved += 1;
    }
  }

  private anyStoredBetween(anon: string, from: number, until: number, fresh: ReadonlyMap<string, LeadEvent>): boolean {
    for (const event of this.events.values())
      if (
        !fresh.has(event.id) &&
        primaryKeyOf(event) === anonKey(anon) &&
        event.occurredAt >= from &&
        event.occurredAt < until
      )
        return true;
    return false;
  }

  private refold(lead: number, context: FoldContext): void {
    const state = emptyState();
    for (const event of this.events.values())
      if (this.counts(event) && this.ownerOf(event) === lead) foldEvent(state, event, context);
    this.states.set(lead, state);
    this.work.refolded += 1;
  }

  private ownerOf(event: LeadEvent): number {
    const key = primaryKeyOf(event)!;
    if (isStrong(key)) return this.rootOfKey(key);
    const owner = ownerAt(this.countedOn(event.anonymousId!), event.occurredAt);
    return owner === undefined ? this.mint(key) : this.rootOfKey(owner);
  }

  private counts = (event: LeadEvent): boolean =>
    isFact(event) && primaryKeyOf(event) !== undefined && !this.judgements.withdrawn(event.id);
  private context = (): FoldContext => ({
    zone: this.zone,
    signals: this.signals,
    verdictOf: this.judgements.verdictOf,
  });
  private rootOf = (lead: number): number => this.mergedInto.get(lead) ?? lead;
  private rootOfKey = (key: SubjectKey): number => this.rootOf(this.mint(key));
  private keysOfRoot = (root: number): SubjectKey[] =>
    [...this.leadOfKey.keys()].filter((key) => this.rootOfKey(key) === root);

  private rootReader(): (key: SubjectKey) => number {
    const roots = new Map([...this.leadOfKey.keys()].map((key) => [key, this.rootOfKey(key)]));
    return (key) => roots.get(key) ?? this.rootOfKey(key);
  }

  private mint(key: SubjectKey): number {
    const lead = this.leadOfKey.get(key) ?? this.leadOfKey.size + 1;
    this.leadOfKey.set(key, lead);
    return lead;
  }

  private stateOf(lead: number): LeadState {
    const state = this.states.get(lead) ?? emptyState();
    this.states.set(lead, state);
    return state;
  }
}

const isFact = (event: LeadEvent): boolean => !['judgement', 'retraction', 'decision'].includes(kindOf(event));
