// Builds dist/: compiles, copies the data files, and bundles the workflows (webpack at worker start would cost 1.5 s).
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sourceDigest } from './bootstrap.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

if (process.argv.includes('--clean')) rmSync('dist', { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: ['ignore', 2, 2],
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
cpSync('src/clickhouse/log-types.csv', 'dist/clickhouse/log-types.csv');

const { bundleWorkflowCode } = await import('@temporalio/worker');
const quiet = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, log() {} };
const { workflowTracingModule } = await import('../dist/observability/tracing.js');
// Traced workflows run other code, so that workers without traces do not pay for them.
const bundles = { 'dist/workflow-bundle.js': [], 'dist/workflow-bundle-traced.js': [workflowTracingModule()] };
for (const [bundle, workflowInterceptorModules] of Object.entries(bundles)) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: `${root}dist/workflows/index.js`,
    workflowInterceptorModules,
    logger: quiet,
  });
  if (!existsSync(bundle) || readFileSync(bundle, 'utf8') !== code) writeFileSync(bundle, code);
}
writeFileSync('dist/.built', sourceDigest());
