import { setTimeout as sleep } from 'node:timers/promises';
import { ensureDefaultRulebook } from '#libs/projection';
import { ensureDefaultScenarios } from '#libs/nurture';
import { makePlace, pidsOf } from '../support/bench-system.js';
import { startCpu } from '../support/cpu.js';
import type { Row } from '../support/row.js';

const must = 3;
const goal = 1;
const settleMs = 150_000;

/** CPU of the whole system without traffic, in percent of one core: the apps, and the services they keep busy. */
export const idleCost: Row = async (bench) => {
  const place = await makePlace(bench);
  try {
    await ensureDefaultRulebook(place.pool);
    await ensureDefaultScenarios(place.pool);
    const measure = async (pids: Record<string, number>) => {
      const lengthSeconds = bench.options.quick ? 15 : 60;
      const cpu = startCpu(pids);
      await sleep(lengthSeconds * 1000);
      const { seconds } = cpu.read();
      return Object.fromEntries(Object.entries(seconds).map(([name, used]) => [name, (100 * used) / lengthSeconds]));
    };
    // what the services cost by themselves is no merit and no fault of ours
    await sleep(bench.options.quick ? 10_000 : settleMs);
    const servicesAlone = await measure(bench.servicePids);
    const system = await place.start({ apps: ['collector', 'projector', 'worker', 'api'] });
    try {
      // what was just started is still compiling itself, the broker longest
      await sleep(bench.options.quick ? 10_000 : settleMs);
      const appPids = pidsOf(system);
      const all = await measure({ ...bench.servicePids, ...appPids });
      const sum = (names: string[], of: Record<string, number>) =>
        names.reduce((total, name) => total + (of[name] ?? 0), 0);
      const apps = sum(Object.keys(appPids), all);
      const services = sum(Object.keys(bench.servicePids), all);
      const alone = sum(Object.keys(bench.servicePids), servicesAlone);
      bench.report({ bench: 'idle.cost', percentOfOneCore: all, servicesAlone });
      const cost = apps + services;
      const each = Object.entries(all).map(([name, percent]) => `${name} ${percent.toFixed(2)}`);
      return [
        {
          row: 'idle.cost',
          measured: each.join(', '),
          floor: `services alone ${alone.toFixed(2)} %`,
          result: `${cost.toFixed(2)} % (apps ${apps.toFixed(2)}, added to services ${(services - alone).toFixed(2)})`,
          must: `≤ ${must} % of one core`,
          goal: `≤ ${goal} %`,
          verdict: cost <= goal ? 'goal' : cost <= must ? 'must' : 'below',
          note: `${bench.options.quick ? 15 : 60} s without traffic`,
        },
      ];
    } finally {
      await system.stop();
    }
  } finally {
    await place.end();
  }
};
