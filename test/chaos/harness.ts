import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLane } from './lane.js';
import { makePlans } from './plan.js';
import { compileProgram } from './program.js';
import { createReport, type Report } from './report.js';
import { startStack } from './stack.js';

/** What a run of the kill matrix is asked for. */
export interface MatrixOptions {
  seed: number;
  /** Kills of each victim at random moments. */
  kills: number;
  /** Kills of the worker at each step of an activity. */
  stepKills: number;
  /** Smallest and largest number of logs that a tenant begins with. */
  logs: [number, number];
  /** How often a step may be reached before it is deadly. */
  late: number;
  /** Requests that a tenant answers between two kills, at most. */
  apart: number;
  say: (line: string) => void;
}

/** Copies run side by side, so that one moves while the other waits for its dead worker to be given up. */
const LANES = 3;

/**
 * Runs the kill matrix on a stack of its own. What it found is in the report; the data is kept for a look when
 * something did not hold. Throws when the matrix itself could not go on.
 */
export async function runMatrix(options: MatrixOptions): Promise<Report> {
  const began = Date.now();
  const say = (line: string): void => options.say(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
  const { seed, logs, apart } = options;
  const report = createReport(say);
  const program = await compileProgram();
  const folder = await mkdtemp(join(tmpdir(), 'auth0-chaos-'));
  say('the program is compiled');
  try {
    const stack = await startStack(program, folder, report);
    try {
      const plans = makePlans({ ...options, lanes: LANES });
      // One that throws must not leave the other's processes behind.
      const ends = await Promise.allSettled(
        plans.map((plan, lane) =>
          runLane({
            name: `lane${lane + 1}`,
            seed: seed * LANES + lane,
            program,
            folder,
            stack,
            plan,
            report,
            logs,
            apart,
          }),
        ),
      );
      for (const end of ends) if (end.status === 'rejected') report.problem(describe(end.reason));
    } finally {
      await stack.stop();
    }
  } finally {
    await program.remove();
    if (report.totals.findings.problems.length === 0) await rm(folder, { recursive: true, force: true });
    else say(`the data was kept: ${folder}`);
  }
  return report;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describe(error.cause)})`;
}
