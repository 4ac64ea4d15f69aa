import type { LeadMemory, LeadState, Temperature } from '#libs/leads/domain';
import { look, type CompiledRulebook } from '#libs/projection/domain';

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
  changeStage: number;
  scoreUp: number;
  scoreDown: number;
  /** The furthest moves first; becoming hot before all others. */
  first: LeadShift[];
}

const heat: Record<Temperature, number> = { cold: 0, warm: 1, hot: 2 };

/** Looks at each lead under both rulebooks, at one instant. Bounded memory: only the furthest moves are kept. */
export class EffectCount {
  private readonly effect: RulebookEffect = {
    leads: 0,
    becomeHot: 0,
    stopBeingHot: 0,
    warmUp: 0,
    coolDown: 0,
    changeStage: 0,
    scoreUp: 0,
    scoreDown: 0,
    first: [],
  };

  constructor(
    private readonly before: CompiledRulebook,
    private readonly after: CompiledRulebook,
    private readonly now: number,
    private readonly shown = 10,
  ) {}

  add(lead: number, state: LeadState, memory: LeadMemory): void {
    const was = look(state, this.before, memory, this.now);
    const becomes = look(state, this.after, memory, this.now);
    const { effect } = this;
    effect.leads += 1;
    const warmer = heat[becomes.temperature] - heat[was.temperature];
    if (warmer !== 0) {
      if (becomes.temperature === 'hot') effect.becomeHot += 1;
      else if (was.temperature === 'hot') effect.stopBeingHot += 1;
      else if (warmer > 0) effect.warmUp += 1;
      else effect.coolDown += 1;
    }
    if (was.stage !== becomes.stage) effect.changeStage += 1;
    if (becomes.score > was.score) effect.scoreUp += 1;
    else if (becomes.score < was.score) effect.scoreDown += 1;
    if (warmer === 0 && was.score === becomes.score && was.stage === becomes.stage) return;
    this.keep({
      lead,
      before: { score: was.score, temperature: was.temperature, stage: was.stage },
      after: {
        score: becomes.score,
        temperature: becomes.temperature,
        stage: becomes.stage,
        hotRules: becomes.hotRules,
      },
    });
  }

  get result(): RulebookEffect {
    return this.effect;
  }

  private keep(shift: LeadShift): void {
    const { first } = this.effect;
    if (first.length === this.shown && weightOf(shift) <= weightOf(first.at(-1)!)) return;
    first.push(shift);
    first.sort((a, b) => weightOf(b) - weightOf(a) || a.lead - b.lead);
    first.length = Math.min(first.length, this.shown);
  }
}

const weightOf = ({ before, after }: LeadShift): number => {
  const moved = Math.abs(heat[after.temperature] - heat[before.temperature]);
  const becomesHot = after.temperature === 'hot' && moved > 0 ? 1 : 0;
  return becomesHot * 1e9 + moved * 1e8 + Math.abs(after.score - before.score);
};
