import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CaseContext, Subject } from '../cases/case.js';
import { emulatorDefaults } from '../../src/emulator/options.js';
import type { Measurement } from '../lib/report.js';
import type { Bench } from './measure.js';
import { CACHE, ROOT } from './paths.js';
import { watch } from './process-use.js';
import { runProgram } from './program.js';

const run = promisify(execFile);
const REQUIREMENTS = `${ROOT}bench/dlt/requirements.txt`;
const PIPELINE = `${ROOT}bench/dlt/pipeline.py`;
const INSTALL_MS = 300_000;

let prepared: Promise<string | null> | undefined;

/** The Python with dlt in it, made on first use; null, with one line that says why, where that is not possible. */
function dltPython(context: CaseContext): Promise<string | null> {
  prepared ??= prepare(context).catch((error: unknown) => {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    context.say(`dlt is left out: no Python 3 with the pinned packages (${reason})`);
    return null;
  });
  return prepared;
}

async function prepare({ say, signal }: CaseContext): Promise<string> {
  const folder = `${CACHE}/dlt`;
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, '.installed');
  const wanted = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  say('installing dlt into a virtual environment of its own (once)');
  await rm(folder, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  await run('python3', ['-m', 'venv', folder], { signal, timeout: INSTALL_MS });
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', REQUIREMENTS];
  await run(python, pip, { signal, timeout: INSTALL_MS });
  writeFileSync(stamp, wanted);
  return python;
}

/** dlt's pipelines for a resource: with child tables for nested members, as it does by itself, and with them as JSON text. */
export function dltSubjects(context: CaseContext, bench: Bench, resource: 'logs' | 'users', rows: number): Subject[] {
  return [
    () => measureDlt(context, bench, 'dlt', { resource, nested: true }, rows),
    () => measureDlt(context, bench, 'dlt, nested members as text', { resource, nested: false }, rows),
  ];
}

async function measureDlt(
  context: CaseContext,
  { stack, tenant }: Bench,
  subject: string,
  what: { resource: string; nested: boolean },
  rows: number,
): Promise<Measurement | undefined> {
  const python = await dltPython(context);
  if (python === null) return undefined;
  const folder = await mkdtemp(join(stack.folder, 'dlt-'));
  const { clientId, clientSecret } = emulatorDefaults;
  const spec = { origin: tenant.origin, client_id: clientId, client_secret: clientSecret, folder, ...what };
  const used = watch([tenant.watched]);
  await tenant.resetStats();
  // No settings of the machine's, and nothing is sent to dlt's makers.
  const env = { RUNTIME__DLTHUB_TELEMETRY: 'false', DLT_DATA_DIR: folder, DLT_PROJECT_DIR: folder };
  const { metrics, use } = await runProgram(subject, python, [PIPELINE, JSON.stringify(spec)], context.signal, env);
  await rm(folder, { recursive: true, force: true });
  if (metrics['rows'] !== rows) throw new Error(`${subject} loaded ${metrics['rows']} of ${rows} ${what.resource}`);
  return { subject, processes: { baseline: use, ...used() }, metrics: { ...metrics, ...(await tenant.stats()) } };
}
