import { expect, it } from 'vitest';
import { VICTIMS } from './plan.js';
import { runMatrix } from './harness.js';

const SEED = 7;

it('a copy is whole after each part was killed twice, the worker at each step, and a fifth of all requests failed', async () => {
  const story: string[] = [];
  const options = { seed: SEED, kills: 2, stepKills: 1, late: 1, apart: 4 } as const;
  const { totals } = await runMatrix({ ...options, logs: [1_000, 1_500], say: (line) => story.push(line) });
  expect(totals.findings.problems, story.join('\n')).toEqual([]);
  expect(totals.findings).toMatchObject({ lost: 0, doubled: 0, foreign: 0 });
  for (const victim of VICTIMS) expect(totals.kills[victim]).toBeGreaterThanOrEqual(options.kills);
  for (const times of Object.values(totals.stepKills)) expect(times).toBeGreaterThanOrEqual(options.stepKills);
}, 240_000);
