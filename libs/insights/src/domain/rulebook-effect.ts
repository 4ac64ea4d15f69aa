import { membershipOf, type LeadMemory, type LeadState, type Temperature } from '#libs/leads/domain';
import { CompanyTallies, lookOnce, type CompiledRulebook, type LeadFacts, type Seen } from '#libs/projection/domain';

export interface LeadShift {
  lead: number;
  /** Scores in tenths. */
  before: { score: number; temperature: Temperature; stage: string | null };
  after: { score: number; temperature: Temperature; stage: string | null; hotRules: string[] };
}

/** What would change for leads if the newer rulebook were live now. */
export interface RulebookEffect {
  leads: number;
  becomeHot: number;
  stopBeingHot: number;
  /** Between cold and warm, by direction. */
  warmUp: number;
  coolDown: number;
  /** Crossings that the publish would decide quietly: alerts that it would hold back. */
  heldAlerts: number;
  changeStage: number;
  /** By stage, most first. */
  stageMoves: { from: string; to: string; leads: number }[];
  /** By name; only those that somebody enters or leaves. */
  segments: { name: string; enter: number; leave: number }[];
  scoreUp: number;
  scoreDown: number;
  /** Of the companies that leads belong to now. */
  companies: { all: number; becomeHot: number; stopBeingHot: number; warmUp: number; coolDown: number };
  /** The furthest moves first; becoming hot before all others. */
  first: LeadShift[];
}

const heat: Record<Temperature, number> = { cold: 0, warm: 1, hot: 2 };

/** Looks at each lead under both rulebooks, at one instant. Bounded memory: only the furthest moves are kept. */
export class EffectCount {
  private readonly effect = {
    leads: 0,
    becomeHot: 0,
    stopBeingHot: 0,
    warmUp: 0,
    coolDown: 0,
    heldAlerts: 0,
    changeStage: 0,
    scoreUp: 0,
    scoreDown: 0,
  };
  private readonly first: LeadShift[] = [];
  private readonly moves = new Map<string, Map<string, number>>();
  private readonly entering = new Map<string, number>();
  private readonly leaving = new Map<string, number>();
  private readonly companiesBefore: CompanyTallies;
  private readonly companiesAfter: CompanyTallies;

  constructor(
    private readonly before: CompiledRulebook,
    private readonly after: CompiledRulebook,
    private readonly now: number,
    private readonly shown = 10,
  ) {
    this.companiesBefore = new CompanyTallies(before);
    this.companiesAfter = new CompanyTallies(after);
  }

  add(lead: number, state: LeadState, memory: LeadMemory): void {
    const account = membershipOf(state)?.account;
    const into = (companies: CompanyTallies) =>
      account === undefined ? undefined : (facts: LeadFacts) => companies.add(account, facts);
    const was = lookOnce(state, this.before, memory, this.now, into(this.companiesBefore));
    const becomes = lookOnce(state, this.after, memory, this.now, into(this.companiesAfter));
    const { effect } = this;
    effect.leads += 1;
    const warmer = heat[becomes.temperature] - heat[was.temperature];
    countMove(effect, was.temperature, becomes.temperature);
    if (becomes.temperature === 'hot' && memory.armed) effect.heldAlerts += 1;
    if (was.stage !== becomes.stage) this.move(was.stage ?? was.initialStage, becomes.stage ?? becomes.initialStage);
    this.compareSegments(was, becomes);
    if (becomes.score > was.score) effect.scoreUp += 1;
    else if (becomes.score < was.score) effect.scoreDown += 1;
    if (warmer === 0 && was.score === becomes.score && was.stage === becomes.stage) return;
    const { score, temperature, stage } = was;
    this.keep({
      lead,
      before: { score, temperature, stage },
      after: {
        score: becomes.score,
        temperature: becomes.temperature,
        stage: becomes.stage,
        hotRules: becomes.hotRules,
      },
    });
  }

  get result(): RulebookEffect {
    const stageMoves = [...this.moves].flatMap(([from, targets]) =>
      [...targets].map(([to, leads]) => ({ from, to, leads })),
    );
    const names = [...new Set([...this.entering.keys(), ...this.leaving.keys()])].sort();
    return {
      ...this.effect,
      companies: this.companies(),
      stageMoves: stageMoves.sort((a, b) => b.leads - a.leads || (a.from + a.to < b.from + b.to ? -1 : 1)),
      segments: names.map((name) => ({
        name,
        enter: this.entering.get(name) ?? 0,
        leave: this.leaving.get(name) ?? 0,
      })),
      first: this.first,
    };
  }

  private companies(): RulebookEffect['companies'] {
    const effect = { all: 0, becomeHot: 0, stopBeingHot: 0, warmUp: 0, coolDown: 0 };
    const was = new Map(this.companiesBefore.temperatures());
    for (const [account, temperature] of this.companiesAfter.temperatures()) {
      effect.all += 1;
      countMove(effect, was.get(account)!, temperature);
    }
    return effect;
  }

  private move(from: string, to: string): void {
    this.effect.changeStage += 1;
    const targets = this.moves.get(from) ?? new Map<string, number>();
    this.moves.set(from, targets.set(to, (targets.get(to) ?? 0) + 1));
  }

  private compareSegments(was: Seen, becomes: Seen): void {
    const [old, next] = [was.segments, becomes.segments];
    if (old.length === next.length && old.every((name, index) => name === next[index])) return;
    for (const name of next) if (!old.includes(name)) count(this.entering, name);
    for (const name of old) if (!next.includes(name)) count(this.leaving, name);
  }

  private keep(shift: LeadShift): void {
    const { first } = this;
    if (first.length === this.shown && weightOf(shift) <= weightOf(first.at(-1)!)) return;
    first.push(shift);
    first.sort((a, b) => weightOf(b) - weightOf(a) || a.lead - b.lead);
    first.length = Math.min(first.length, this.shown);
  }
}

type Moves = Pick<RulebookEffect, 'becomeHot' | 'stopBeingHot' | 'warmUp' | 'coolDown'>;

function countMove(moves: Moves, from: Temperature, to: Temperature): void {
  if (from === to) return;
  if (to === 'hot') moves.becomeHot += 1;
  else if (from === 'hot') moves.stopBeingHot += 1;
  else if (to === 'warm') moves.warmUp += 1;
  else moves.coolDown += 1;
}

const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);

const weightOf = ({ before, after }: LeadShift): number => {
  const moved = Math.abs(heat[after.temperature] - heat[before.temperature]);
  const becomesHot = after.temperature === 'hot' && moved > 0 ? 1 : 0;
  return becomesHot * 1e9 + moved * 1e8 + Math.abs(after.score - before.score);
};
