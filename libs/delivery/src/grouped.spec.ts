import { expect, test } from '@jest/globals';
import { Grouped, type Grouping } from './grouped.js';

function recording(options?: Grouping) {
  const groups: number[][] = [];
  const grouped = new Grouped<number, number>((items) => {
    groups.push(items);
    return Promise.resolve(items.map((item) => item * 2));
  }, options);
  return { groups, grouped };
}
const patient = (enough: number): Grouping => ({ most: 10, concurrency: 1, lingerMs: 3_600_000, enough: () => enough });

test('what is added in one turn goes together, each with its own answer', async () => {
  const { groups, grouped } = recording();
  expect(await Promise.all([1, 2, 3].map((item) => grouped.add(item)))).toEqual([2, 4, 6]);
  expect(groups).toEqual([[1, 2, 3]]);
});

test('few wait for company until there are enough', async () => {
  const { groups, grouped } = recording(patient(3));
  const first = [grouped.add(1), grouped.add(2)];
  await new Promise((resolve) => setImmediate(resolve));
  expect(groups).toEqual([]);
  await Promise.all([...first, grouped.add(3)]);
  expect(groups).toEqual([[1, 2, 3]]);
});

test('one that is enough by itself waits for nobody', async () => {
  const { groups, grouped } = recording(patient(1));
  await grouped.add(1);
  expect(groups).toEqual([[1]]);
});

test('without company a few go after a while', async () => {
  const { groups, grouped } = recording({ ...patient(3), lingerMs: 1 });
  await Promise.all([grouped.add(1), grouped.add(2)]);
  expect(groups).toEqual([[1, 2]]);
});

test('a group that failed fails each of its items, and the next goes on', async () => {
  let calls = 0;
  const grouped = new Grouped<number, number>((items) =>
    (calls += 1) === 1 ? Promise.reject(new Error('away')) : Promise.resolve(items),
  );
  await expect(Promise.all([grouped.add(1), grouped.add(2)])).rejects.toThrow('away');
  expect(await grouped.add(3)).toBe(3);
});
