import { describe, expect, test } from '@jest/globals';
import { freshMemory, type LeadMemory } from '#libs/leads/domain';
import { nextStage, type Approval, type Funnel, type Outcome, type StageMove } from './stages.js';

const stage = (name: string, rest = {}) => ({ name, rule: { name, ...rest }, when: undefined });
const funnel: Funnel = {
  stages: [
    stage('visitor'),
    stage('lead'),
    stage('prospect', { outcomes: ['accepted'] }),
    stage('opportunity', { outcomes: ['opportunity'], skippable: false }),
    stage('customer', { outcomes: ['won'] }),
  ],
  recycleTo: 'lead',
};
const at = (name: string, rest: Partial<LeadMemory> = {}): LeadMemory => ({ ...freshMemory(), stage: name, ...rest });
const move = (memory: LeadMemory, holding: string[], outcome?: Outcome) =>
  nextStage(funnel, memory, {
    holds: ({ name }) => holding.includes(name),
    known: () => false,
    stands: () => true,
    outcome,
    approvalOf: () => undefined,
  });

describe('a lead moves through the funnel', () => {
  test('forward by conditions, over stages that do not hold', () => {
    expect(move(at('visitor'), ['prospect']).stage).toBe('prospect');
  });
  test('not back when a condition ceases', () => {
    expect(move(at('prospect'), ['lead']).stage).toBe('prospect');
  });
  test('not over a step to a stage that may not be reached by skipping', () => {
    expect(move(at('lead'), ['opportunity']).stage).toBe('lead');
    expect(move(at('lead'), ['prospect', 'opportunity']).stage).toBe('opportunity');
  });
  test('at once by what sales says, and once only', () => {
    const won = move(at('lead'), [], { name: 'won', event: 'o1', at: 0 });
    expect(won).toMatchObject({ stage: 'customer', outcome: 'o1' });
    expect(move(at('prospect', { outcome: 'o1' }), [], { name: 'won', event: 'o1', at: 0 }).stage).toBe('prospect');
  });
  test('recycled leads re-enter a stage only after its condition has ceased in between', () => {
    const recycled = move(at('prospect'), ['prospect'], { name: 'recycled', event: 'o2', at: 0 });
    expect(recycled).toMatchObject({ stage: 'lead', blocked: ['prospect'] });
    const memory = at('lead', { outcome: 'o2', blocked: [...recycled.blocked] });
    expect(move(memory, ['prospect'], { name: 'recycled', event: 'o2', at: 0 }).stage).toBe('lead');
    const ceased = move(memory, []);
    expect(ceased.blocked).toEqual([]);
    expect(move(at('lead', { outcome: 'o2' }), ['prospect']).stage).toBe('prospect');
  });
  test('a lost lead stays lost until sales says otherwise', () => {
    const lost = move(at('opportunity'), ['prospect'], { name: 'lost', event: 'o3', at: 0 });
    expect(lost.stage).toBe('lost');
    expect(
      move(at('lost', { outcome: 'o3' }), ['prospect', 'opportunity'], { name: 'lost', event: 'o3', at: 0 }).stage,
    ).toBe('lost');
    expect(move(at('lost', { outcome: 'o3' }), [], { name: 'recycled', event: 'o4', at: 0 }).stage).toBe('lead');
  });
});

describe('a move that demands something waits for it', () => {
  const demanding: Funnel = {
    stages: [
      stage('visitor'),
      stage('lead'),
      stage('prospect', { requires: ['phone', 'budget'] }),
      stage('opportunity', { outcomes: ['opportunity'], approver: 'marketing' }),
      stage('customer', { outcomes: ['won'], approver: 'sales', requires: ['phone'] }),
    ],
    recycleTo: 'lead',
  };
  interface Situation {
    holding?: string[];
    known?: string[];
    outcome?: Outcome;
    said?: Record<string, Approval>;
    /** Withdrawn outcomes. */
    gone?: string[];
  }
  const next = (memory: LeadMemory, { holding = [], known = [], outcome, said = {}, gone = [] }: Situation) =>
    nextStage(demanding, memory, {
      holds: ({ name }) => holding.includes(name),
      known: (attribute) => known.includes(attribute),
      stands: ({ event }) => !gone.includes(event),
      outcome,
      approvalOf: (name) => said[name],
    });
  const remembering = (
    before: LeadMemory,
    { stage, held, accounted, blocked, outcome, moves }: StageMove,
  ): LeadMemory => ({
    ...before,
    stage,
    moves: [...moves],
    held: [...held],
    accounted: [...accounted],
    blocked: [...blocked],
    outcome,
  });
  const yes = { approved: true, event: 'y1' };
  const no = { approved: false, event: 'n1' };

  test('for its fields, and enters once all are known', () => {
    expect(next(at('lead'), { holding: ['prospect'], known: ['phone'] })).toMatchObject({
      stage: 'lead',
      held: [{ stage: 'prospect' }],
    });
    expect(next(at('lead'), { holding: ['prospect'], known: ['phone', 'budget'] })).toMatchObject({
      stage: 'prospect',
      held: [],
    });
  });
  test('no more when its condition ceases', () => {
    expect(next(at('lead', { held: [{ stage: 'prospect' }] }), {}).held).toEqual([]);
  });
  test('for the approval, which counts once and for no later move', () => {
    const held = next(at('prospect'), { holding: ['opportunity'] });
    expect(held).toMatchObject({ stage: 'prospect', held: [{ stage: 'opportunity' }] });
    const moved = next(remembering(at('prospect'), held), { holding: ['opportunity'], said: { opportunity: yes } });
    expect(moved).toMatchObject({ stage: 'opportunity', held: [], accounted: ['y1'] });
    const again = next(at('lead', { accounted: ['y1'] }), { holding: ['opportunity'], said: { opportunity: yes } });
    expect(again).toMatchObject({ stage: 'lead', held: [{ stage: 'opportunity' }] });
  });
  test('an approval that nobody waited for is spent', () => {
    const seen = next(at('prospect'), { said: { opportunity: yes } });
    expect(seen).toMatchObject({ stage: 'prospect', accounted: ['y1'], held: [] });
    expect(
      next(remembering(at('prospect'), seen), { holding: ['opportunity'], said: { opportunity: yes } }).stage,
    ).toBe('prospect');
  });
  test('declined, it is closed until its condition has ceased once', () => {
    const declined = next(at('prospect', { held: [{ stage: 'opportunity' }] }), {
      holding: ['opportunity'],
      said: { opportunity: no },
    });
    expect(declined).toMatchObject({ stage: 'prospect', held: [], blocked: ['opportunity'], accounted: ['n1'] });
    const memory = remembering(at('prospect'), declined);
    expect(next(memory, { holding: ['opportunity'], said: { opportunity: no } }).held).toEqual([]);
    const ceased = remembering(memory, next(memory, { said: { opportunity: no } }));
    expect(next(ceased, { holding: ['opportunity'], said: { opportunity: no } }).held).toEqual([
      { stage: 'opportunity' },
    ]);
  });
  test('what sales asks for stays asked, without any condition, until it is approved', () => {
    const outcome = { name: 'opportunity', event: 'o1', at: 0 };
    const held = next(at('lead'), { outcome });
    expect(held).toMatchObject({ stage: 'lead', outcome: 'o1', held: [{ stage: 'opportunity', outcome: 'o1' }] });
    const memory = remembering(at('lead'), held);
    expect(next(memory, { outcome })).toMatchObject({ stage: 'lead', held: [{ stage: 'opportunity', outcome: 'o1' }] });
    expect(next(memory, { outcome, said: { opportunity: yes } })).toMatchObject({ stage: 'opportunity', held: [] });
  });
  test('what sales states needs no approval of sales, but its fields', () => {
    const outcome = { name: 'won', event: 'o2', at: 0 };
    const held = next(at('opportunity'), { outcome });
    expect(held).toMatchObject({ stage: 'opportunity', held: [{ stage: 'customer', outcome: 'o2' }] });
    expect(next(remembering(at('opportunity'), held), { outcome, known: ['phone'] }).stage).toBe('customer');
  });
  test('an approval that comes before the fields is kept for them', () => {
    const held = next(at('opportunity', { held: [{ stage: 'customer', at: 5 }] }), {
      holding: ['customer'],
      said: { customer: yes },
    });
    expect(held).toMatchObject({ held: [{ stage: 'customer', at: 5, approved: 'y1' }], accounted: ['y1'] });
    const memory = remembering(at('opportunity'), held);
    expect(next(memory, { holding: ['customer'], known: ['phone'], said: { customer: yes } }).stage).toBe('customer');
  });
  test('nothing holds up who is recycled, lost or moved back', () => {
    for (const [name, stage] of [
      ['recycled', 'lead'],
      ['lost', 'lost'],
      ['disqualified', 'disqualified'],
    ] as const)
      expect(
        next(at('opportunity', { held: [{ stage: 'customer', outcome: 'o0' }] }), {
          outcome: { name, event: 'o3', at: 0 },
        }),
      ).toMatchObject({ stage, held: [] });
  });
  test('no more when what sales asked for is withdrawn', () => {
    const outcome = { name: 'opportunity', event: 'o1', at: 0 };
    const memory = remembering(at('lead'), next(at('lead'), { outcome }));
    expect(memory.held).toHaveLength(1);
    expect(next(memory, { gone: ['o1'] })).toMatchObject({ stage: 'lead', held: [], moves: [], outcome: undefined });
  });
});

describe('outcomes that were applied before moves were kept', () => {
  type Said = [name: string, event: string, at: number];
  const look = (memory: LeadMemory, holding: string[], ...said: Said[]): LeadMemory => {
    const known = said.map(([name, event, when]): Outcome => ({ name, event, at: when }));
    const { stage, outcome, moves, movesSince, blocked } = nextStage(funnel, memory, {
      holds: ({ name }) => holding.includes(name),
      known: () => false,
      stands: ({ event }) => known.some((one) => one.event === event),
      outcome: known.at(-1),
      approvalOf: () => undefined,
    });
    return { ...memory, stage, outcome, moves: [...moves], movesSince, blocked: [...blocked] };
  };
  const recycled: Said = ['recycled', 'o1', 1];
  const accepted: Said = ['accepted', 'o2', 2];
  const won: Said = ['won', 'o3', 3];
  /** Recycled long ago; conditions have carried it on since. */
  const before = at('opportunity', { outcome: 'o1' });

  test('move nobody again when a later one is withdrawn', () => {
    const customer = look(before, [], recycled, won);
    expect(customer.stage).toBe('customer');
    const back = look(customer, ['prospect'], recycled);
    expect(back).toMatchObject({ stage: 'opportunity', moves: [], blocked: [] });
    // nor at any later look, nor when the last of them goes
    expect(look(back, [], recycled).stage).toBe('opportunity');
    const two = look(look(at('opportunity', { outcome: 'o2' }), [], recycled, accepted, won), [], recycled, accepted);
    expect(look(two, [], recycled).stage).toBe('opportunity');
  });
  test('and what is said after that moves it as ever', () => {
    const back = look(look(before, [], recycled, won), [], recycled);
    expect(look(back, [], recycled, ['lost', 'o4', 4]).stage).toBe('lost');
    const late = look(look(before, [], recycled, won), [], recycled, ['accepted', 'late', 2], won);
    expect(look(late, [], recycled).stage).toBe('opportunity');
  });
  test('nothing is taken for accounted where all was kept: an outcome that came late is applied once those after it go', () => {
    const kept = look(look(at('opportunity'), [], won), [], recycled, won);
    expect(look(kept, [], recycled).stage).toBe('lead');
  });
  test('of twenty-one the oldest is no longer known, and is as if it had been applied before', () => {
    const all = Array.from({ length: 21 }, (_, index): Said => ['recycled', `m${index}`, index]);
    // conditions carried it on after the first
    let memory = look(look(at('opportunity'), [], all[0]!), ['prospect'], all[0]!);
    for (let count = 2; count <= all.length; count += 1) memory = look(memory, [], ...all.slice(0, count));
    expect(memory).toMatchObject({ stage: 'lead', movesSince: 1 });
    expect(look(memory, [], all[0]!)).toMatchObject({ stage: 'prospect', outcome: 'm0', moves: [] });
  });
});
