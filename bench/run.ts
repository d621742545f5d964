import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { programVersion } from '../src/version.js';
import type { BenchCase } from './cases/case.js';
import { CASES } from './cases/index.js';
import { writeDocs } from './docs.js';
import { type BenchFlags, parseFlags, USAGE } from './lib/flags.js';
import { judge } from './lib/judge.js';
import { caseTables, verdictTable } from './lib/render.js';
import { type BenchReport, benchReportSchema, type CaseReport, type Machine, mergeReports } from './lib/report.js';
import { plainTable } from './lib/table.js';
import { ROOT } from './parts/paths.js';
import { busyProcessors } from './parts/process-use.js';
import { openScope, unlessAborted } from './parts/scope.js';

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
const RESULTS = `${ROOT}bench/results.json`;

/** Runs what the command line asks for. Returns the exit code: 1 where a case failed, never for a figure. */
export async function runBench(args: readonly string[]): Promise<number> {
  let flags: BenchFlags;
  try {
    flags = parseFlags(
      args,
      CASES.map(({ id }) => id),
    );
  } catch (error) {
    say(`${messageOf(error)}\n${USAGE}`);
    return EXIT.usage;
  }
  if (flags.help || flags.list) {
    const list = CASES.map(({ id, title, runs }) => [id, String(runs), title]);
    process.stdout.write(flags.help ? `${USAGE}\n` : `${plainTable(['case', 'runs', 'measures'], list)}\n`);
    return EXIT.done;
  }
  if (flags.render !== null) {
    const measured = readReport(resolve(flags.render));
    if (measured === null) say(`${flags.render} cannot be read`);
    else await keep(measured);
    return measured === null ? EXIT.failed : EXIT.done;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => stop.abort(new Error('interrupted: everything that was started is being stopped')));

  const { cases: ids, quick } = flags;
  const wanted = CASES.filter(({ id, slow }) => (ids === null ? !(quick && slow) : ids.includes(id)));
  const report: BenchReport = { version: 1, machine: machineOf(), cases: [] };
  for (const chosen of wanted) {
    if (stop.signal.aborted) break;
    const measured = await runCase(chosen, flags, stop.signal);
    report.cases.push(measured);
    show(measured);
    // After each case: what was measured is there whatever happens to the next one.
    if (flags.json !== null) writeReport(flags.json, report);
  }
  if (quick) say('The goals are not judged: the sizes of --quick are not theirs');
  else show({ verdicts: report });
  if (flags.json !== null) say(`The report is in ${flags.json}`);
  if (stop.signal.aborted) return EXIT.interrupted;
  if (report.cases.some(({ error }) => error !== null)) return EXIT.failed;
  if (flags.writeDocs) await keep(report);
  return EXIT.done;
}

/** Keeps the figures of these cases beside those of the others, and writes all into the page. */
async function keep(report: BenchReport): Promise<void> {
  const kept = mergeReports(readReport(RESULTS), report);
  const ids = CASES.map(({ id }) => id);
  const inOrder = kept.cases.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
  writeFileSync(RESULTS, `${JSON.stringify({ ...kept, cases: inOrder })}\n`);
  await writeDocs({ ...kept, cases: inOrder }, ids);
  say('docs/performance.md has the new figures');
}

function writeReport(file: string, report: BenchReport): void {
  writeFileSync(resolve(file), `${JSON.stringify({ ...report, verdicts: judge(report.cases) }, null, 2)}\n`);
}

async function runCase(chosen: BenchCase, flags: BenchFlags, signal: AbortSignal): Promise<CaseReport> {
  const { id, title } = chosen;
  const started = performance.now();
  const report: CaseReport = {
    id,
    title,
    quick: flags.quick,
    startedAt: new Date().toISOString(),
    seconds: 0,
    busyBefore: await busyProcessors(500),
    measurements: [],
    notes: [],
    error: null,
  };
  const scope = openScope();
  say(`${id}: ${title}`);
  if (flags.cpuProf !== null) mkdirSync(flags.cpuProf, { recursive: true });
  try {
    const work = chosen.measure({
      runs: flags.runs ?? (flags.quick ? 1 : chosen.runs),
      quick: flags.quick,
      signal,
      profiling: flags.cpuProf === null ? {} : { cpuProfileDir: resolve(flags.cpuProf) },
      scope,
      record: (measurement) => report.measurements.push(measurement),
      note: (text) => report.notes.push(text),
      say: (line) => say(`  ${line}`),
    });
    await unlessAborted(signal, work);
  } catch (error) {
    report.error = messageOf(error);
    say(`  ${report.error}`);
  } finally {
    await scope.close();
  }
  return { ...report, seconds: (performance.now() - started) / 1000 };
}

function show(what: CaseReport | { verdicts: BenchReport }): void {
  const tables = 'verdicts' in what ? [verdictTable(judge(what.verdicts.cases))] : caseTables(what);
  for (const { head, rows } of tables) if (rows.length > 0) process.stdout.write(`\n${plainTable(head, rows)}\n`);
  if ('notes' in what) for (const note of what.notes) process.stdout.write(`${note}\n`);
}

function readReport(file: string): BenchReport | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  return benchReportSchema.parse(JSON.parse(text));
}

function machineOf(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    version: programVersion(),
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
