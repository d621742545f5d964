import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensureBuilt } from '../support/up.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the build adds to the compiled sources, without which a worker would bundle its workflows at every start. */
const ASSETS = ['workflow-bundle.js', 'clickhouse/log-types.csv'] as const;

/** The program and the kill matrix's worker as JavaScript: Node 20 does not run TypeScript. */
export interface Program {
  readonly worker: string;
  readonly clickhouse: string;
  readonly client: string;
  remove(): Promise<void>;
}

/** Compiles them into a folder of their own. Throws with the compiler's words. */
export async function compileProgram(): Promise<Program> {
  ensureBuilt();
  const cache = join(ROOT, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'chaos-'));
  const project = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noEmit: false, rootDir: ROOT, outDir: folder, typeRoots: [join(ROOT, 'node_modules/@types')] },
    files: ['test/chaos/worker-main.ts', 'src/client.ts', 'src/embedded/clickhouse/main.ts'].map((name) =>
      join(ROOT, name),
    ),
    include: [],
  };
  const config = join(folder, 'tsconfig.json');
  await writeFile(config, JSON.stringify(project));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', config], { cwd: ROOT });
  for (const name of ASSETS) await copyFile(join(ROOT, 'dist', name), join(folder, 'src', name));
  // Says that these are modules, and which version the program is.
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return {
    worker: join(folder, 'test', 'chaos', 'worker-main.js'),
    clickhouse: join(folder, 'src', 'embedded', 'clickhouse', 'main.js'),
    client: join(folder, 'src', 'client.js'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
