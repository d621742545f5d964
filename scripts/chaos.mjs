// npm run chaos -- [--kills N] [--seed N]: makes the clone ready, then runs the kill matrix (docs/reliability.md).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bootstrap } from './bootstrap.mjs';

const USAGE = 'usage: npm run chaos -- [--kills N (each part, default 25)] [--seed N (repeats a run)]';
const { kills, seed } = readFlags();

bootstrap();
const root = fileURLToPath(new URL('..', import.meta.url));
const result = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/chaos/chaos.config.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(kills && { CHAOS_KILLS: kills }), ...(seed && { CHAOS_SEED: seed }) },
  },
);
process.exit(result.status ?? 1);

function readFlags() {
  try {
    const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
    const wrong = Object.entries(values).find(([, value]) => !/^\d{1,9}$/.test(value) || Number(value) < 1);
    if (wrong) throw new Error(`--${wrong[0]} ${wrong[1]} is no whole number above 0`);
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}
