// npm run old-engines [-- --keep DIR]: records every statement of a copy and of the commands, and replays them on older
// engines of ClickHouse (docs/development.md). Needs python3 with pip; downloads some 150 MB an engine. With --keep the
// recording and the engines stay in DIR, and those that are there already are used.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bootstrap } from './bootstrap.mjs';
import { record } from './old-engines/record.mjs';

/**
 * Releases of the Python package `chdb` by the engine in them; later ones carry it in a package of its own. 23.6 (0.15.0)
 * says nothing of a server: its engine fails at the file of a view that is dropped or replaced.
 */
const ENGINES = [
  { engine: '23.10', packages: ['chdb==1.0.2'] },
  { engine: '24.5', packages: ['chdb==2.0.4'] },
  { engine: '24.8', packages: ['chdb==3.0.1'] },
  { engine: '25.8', packages: ['chdb==3.7.2'] },
  { engine: '26.1', packages: ['chdb==4.4.0', 'chdb-core==26.1.0'] },
  { engine: '26.7', packages: ['chdb==4.4.0', 'chdb-core==26.7.3'] },
];

const { values } = parseArgs({ options: { keep: { type: 'string' } } });
const script = fileURLToPath(new URL('old-engines/replay.py', import.meta.url));
const folder = resolve(values.keep ?? mkdtempSync(join(tmpdir(), 'old-engines-')));
try {
  mkdirSync(folder, { recursive: true });
  const recording = join(folder, 'recording.jsonl');
  if (!existsSync(recording)) {
    bootstrap();
    const statements = await record(`${recording}.part`);
    renameSync(`${recording}.part`, recording);
    console.log(`${statements} statements recorded`);
  }
  install('libraries', ['pyarrow', 'pandas'], []);
  for (const { engine, packages } of ENGINES) {
    install(engine, packages, ['--no-deps']);
    const path = [join(folder, engine), join(folder, 'libraries')].join(':');
    const { status } = spawnSync('python3', [script, recording, join(folder, `${engine}-data`)], {
      env: { ...process.env, PYTHONPATH: path },
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

function install(name, packages, flags) {
  const target = join(folder, name);
  if (existsSync(target)) return;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore'];
  const { status } = spawnSync('python3', [...pip, '--target', target, ...flags, ...packages], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${packages.join(' ')} cannot be installed`);
}
