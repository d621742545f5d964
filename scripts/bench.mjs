// npm run bench -- [flags]: makes the clone ready, compiles bench/, then runs it (docs/performance.md).
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
bootstrap();
const build = `${root}bench/.cache/build`;
mkdirSync(`${build}/src/clickhouse`, { recursive: true });
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'bench/tsconfig.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
// Says that these are modules and which version the program is; the destination's tables need the codes of log types.
cpSync(`${root}package.json`, `${build}/package.json`);
cpSync(`${root}src/clickhouse/log-types.csv`, `${build}/src/clickhouse/log-types.csv`);
await import(`${build}/bench/main.js`);
