import { describe, expect, test } from '@jest/globals';
import { joinComponents, type Link } from './components.js';
import type { LeadEvent } from './event.js';
import { apartOf, identityOf, mayIdentify } from './identity.js';
import { judge } from './judgement.js';
import { movedIntervals, ownedIntervals, ownerAt, soleOwner, type Identification } from './ownership.js';

const event = (partial: Partial<LeadEvent>): LeadEvent => ({
  id: 'x',
  type: 'page',
  source: 'web',
  occurredAt: 0,
  receivedAt: 0,
  properties: {},
  ...partial,
});

describe('what an event says about who is who', () => {
  test.each<[string, Partial<LeadEvent>, ReturnType<typeof identityOf>]>([
    [
      'identify',
      { type: 'identify', anonymousId: 'b', userId: 's:1', email: 'a@x' },
      { link: { a: 'u:s:1', b: 'e:a@x' }, identifications: [{ anon: 'b', strong: 'u:s:1' }] },
    ],
    [
      'form',
      { type: 'track', links: true, anonymousId: 'b', email: 'a@x' },
      { identifications: [{ anon: 'b', strong: 'e:a@x' }] },
    ],
    [
      'alias of a browser',
      { type: 'alias', userId: 's:1', otherKey: 'a:b' },
      { identifications: [{ anon: 'b', strong: 'u:s:1' }] },
    ],
    [
      'alias of a user',
      { type: 'alias', userId: 's:1', otherKey: 'u:s:0' },
      { link: { a: 'u:s:1', b: 'u:s:0' }, identifications: [] },
    ],
    [
      'merge with a browser',
      { type: 'merge', anonymousId: 'b', otherKey: 'e:a@x' },
      { identifications: [{ anon: 'b', strong: 'e:a@x' }] },
    ],
    ['merge of two browsers', { type: 'merge', anonymousId: 'b', otherKey: 'a:c' }, { identifications: [] }],
    [
      'a plain track with both keys',
      { type: 'track', name: 'X', anonymousId: 'b', userId: 's:1', email: 'a@x' },
      { identifications: [] },
    ],
  ])('%s', (_, partial, said) => {
    expect(identityOf(event(partial))).toEqual(said);
    if (said.link || said.identifications.length > 0) expect(mayIdentify(event(partial))).toBe(true);
  });

  test('a mail click identifies only while it is judged human', () => {
    const click = event({ type: 'track', name: 'Email Clicked', anonymousId: 'b', email: 'a@x' });
    expect(identityOf(click, 'human').identifications).toEqual([{ anon: 'b', strong: 'e:a@x' }]);
    for (const verdict of ['machine', 'unsure', undefined] as const)
      expect(identityOf(click, verdict).identifications).toEqual([]);
    expect(identityOf({ ...click, name: 'Email Opened' }, 'human').identifications).toEqual([]);
  });

  test('only strong keys are held apart', () => {
    expect(apartOf(event({ type: 'apart', userId: 's:1', otherKey: 'e:a@x' }))).toEqual({ a: 'u:s:1', b: 'e:a@x' });
    expect(apartOf(event({ type: 'apart', anonymousId: 'b', otherKey: 'e:a@x' }))).toBeUndefined();
  });
});

describe('who owns an anonymous event', () => {
  const rows: Identification[] = [
    { at: 10, event: '2', strong: 'u:late' },
    { at: 10, event: '1', strong: 'u:early' },
    { at: 20, event: '3', strong: 'u:last' },
  ];
  test.each([
    [9, 'u:early'],
    [10, 'u:late'],
    [19, 'u:late'],
    [20, 'u:last'],
    [99, 'u:last'],
  ])('at %d it is %s, by row and by interval', (at, owner) => {
    expect(ownerAt(rows, at)).toBe(owner);
    expect(ownedIntervals(rows).find(({ from, until }) => at >= from && at < until)?.owner).toBe(owner);
  });

  test('an identification moves events only next to a neighbour of another lead', () => {
    const before = ownedIntervals(rows.slice(2));
    expect(movedIntervals(before, ownedIntervals(rows))).toEqual([
      { from: -Infinity, until: 10, before: 'u:last', after: 'u:early' },
      { from: 10, until: 20, before: 'u:last', after: 'u:late' },
    ]);
    const one = (): string => 'one lead';
    expect(movedIntervals(ownedIntervals(rows.slice(2), one), ownedIntervals(rows, one))).toEqual([]);
    expect(movedIntervals(ownedIntervals([]), before)).toEqual([
      { from: -Infinity, until: Infinity, before: undefined, after: 'u:last' },
    ]);
  });

  test('a browser is mixed once its identifications name two leads', () => {
    expect(soleOwner(rows, () => 'one lead')).toBe('one lead');
    expect(soleOwner(rows, (strong) => strong)).toBeUndefined();
    expect(soleOwner([], (strong) => strong)).toBeUndefined();
  });
});

describe('components', () => {
  const link = (a: string, b: string, at: number): Link => ({ a, b, at, event: `${at}${a}${b}` });

  test('join in the order of time, whatever the order of arrival, up to the key limit', () => {
    const links = [link('c', 'd', 3), link('a', 'b', 1), link('b', 'c', 2)];
    for (const arrived of [links, [...links].reverse()]) {
      const components = joinComponents(arrived, [], 3);
      expect(components.membersOf('b')).toEqual(['a', 'b', 'c']);
      expect(components.rootOf('d')).toBe('d');
      expect(components.skipped).toEqual([{ ...link('c', 'd', 3), reason: 'key-limit' }]);
    }
  });

  test('never join keys that an operator holds apart, not even through others', () => {
    const components = joinComponents(
      [link('a', 'b', 1), link('b', 'c', 2), link('a', 'c', 3)],
      [{ a: 'c', b: 'a' }],
      50,
    );
    expect(components.membersOf('a')).toEqual(['a', 'b']);
    expect(components.skipped.map(({ reason }) => reason)).toEqual(['apart', 'apart']);
  });
});

describe('judgements', () => {
  const verdict = (id: string, occurredAt: number, name: string): LeadEvent =>
    event({ id, type: 'verdict', occurredAt, name, refersTo: 'fact' });
  const retraction = (id: string, occurredAt: number, name: string, refersTo: string): LeadEvent =>
    event({ id, type: 'retraction', occurredAt, name, refersTo });

  test('the latest verdict wins, the greater id at equal instants, and a withdrawn one not at all', () => {
    const verdicts = [verdict('b', 1, 'machine'), verdict('a', 1, 'human'), verdict('z', 0, 'unsure')];
    expect(judge(verdicts).verdictOf('fact')).toBe('machine');
    expect(judge([...verdicts, retraction('r', 0, 'withdrawn', 'b')]).verdictOf('fact')).toBe('human');
    expect(
      judge([...verdicts, retraction('r', 0, 'withdrawn', 'b'), retraction('s', 1, 'restored', 'b')]).verdictOf('fact'),
    ).toBe('machine');
    expect(judge([verdict('a', 1, 'human'), verdict('b', 2, 'perhaps')]).verdictOf('fact')).toBe('human');
  });

  test('a retraction of a retraction changes nothing', () => {
    const judgements = judge([retraction('r', 0, 'withdrawn', 'fact'), retraction('s', 1, 'withdrawn', 'r')]);
    expect(judgements.withdrawn('fact')).toBe(true);
  });

  test('an un-merge is undone by its retraction', () => {
    const unmerge = event({ id: 'm', type: 'unmerge', refersTo: 'fact' });
    expect(judge([unmerge]).unmerged('fact')).toBe(true);
    expect(judge([unmerge, retraction('r', 0, 'withdrawn', 'm')]).unmerged('fact')).toBe(false);
  });
});
