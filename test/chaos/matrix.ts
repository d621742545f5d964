import { expect, it } from 'vitest';
import { runMatrix } from './harness.js';

const number = (name: string, standard: number): number => Number(process.env[name] ?? standard);

it('the kill matrix', async () => {
  const began = Date.now();
  const say = (line: string): void => console.log(line);
  const kills = number('CHAOS_KILLS', 25);
  const seed = number('CHAOS_SEED', Date.now() % 1_000_000);
  say(`seed ${seed}, ${kills} kills of each part`);
  const stepKills = Math.max(1, Math.ceil(kills / 5));
  const report = await runMatrix({ seed, kills, stepKills, logs: [5_000, 12_000], late: 5, apart: 25, say });
  console.log(`\nSeed ${seed}, ${Math.round((Date.now() - began) / 60_000)} minutes\n\n${report.markdown()}\n`);
  for (const reason of report.totals.failedCopies) console.log(`failed, and started again: ${reason}`);
  expect(report.totals.findings.problems).toEqual([]);
});
