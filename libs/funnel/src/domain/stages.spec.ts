import { describe, expect, test } from '@jest/globals';
import { freshMemory, type LeadMemory } from '#libs/leads/domain';
import { nextStage, type Funnel, type Outcome } from './stages.js';

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
  nextStage(funnel, memory, ({ name }) => holding.includes(name), outcome);

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
    const won = move(at('lead'), [], { name: 'won', event: 'o1' });
    expect(won).toMatchObject({ stage: 'customer', outcome: 'o1' });
    expect(move(at('prospect', { outcome: 'o1' }), [], { name: 'won', event: 'o1' }).stage).toBe('prospect');
  });
  test('recycled leads re-enter a stage only after its condition has ceased in between', () => {
    const recycled = move(at('prospect'), ['prospect'], { name: 'recycled', event: 'o2' });
    expect(recycled).toMatchObject({ stage: 'lead', blocked: ['prospect'] });
    const memory = at('lead', { outcome: 'o2', blocked: [...recycled.blocked] });
    expect(move(memory, ['prospect'], { name: 'recycled', event: 'o2' }).stage).toBe('lead');
    const ceased = move(memory, []);
    expect(ceased.blocked).toEqual([]);
    expect(move(at('lead', { outcome: 'o2' }), ['prospect']).stage).toBe('prospect');
  });
  test('a lost lead stays lost until sales says otherwise', () => {
    const lost = move(at('opportunity'), ['prospect'], { name: 'lost', event: 'o3' });
    expect(lost.stage).toBe('lost');
    expect(move(at('lost', { outcome: 'o3' }), ['prospect', 'opportunity'], { name: 'lost', event: 'o3' }).stage).toBe(
      'lost',
    );
    expect(move(at('lost', { outcome: 'o3' }), [], { name: 'recycled', event: 'o4' }).stage).toBe('lead');
  });
});
