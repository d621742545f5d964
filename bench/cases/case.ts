import type { Measurement } from '../lib/report.js';
import type { Scope } from '../parts/scope.js';
import type { Profiling } from '../parts/stack.js';

/** What a case is given. */
export interface CaseContext {
  /** Times that each subject is measured. */
  runs: number;
  /** A smoke run: small sizes, whose figures say little. */
  quick: boolean;
  signal: AbortSignal;
  profiling: Profiling;
  /** Ends what the case has started, whatever happens. */
  scope: Scope;
  record(measurement: Measurement): void;
  /** Something that a reader of the figures should know. */
  note(text: string): void;
  /** One line of progress. */
  say(line: string): void;
}

/** Something to measure. */
export interface BenchCase {
  id: string;
  title: string;
  /** Runs of each subject when nothing else is asked for. */
  runs: number;
  /** Left out of `--quick`. */
  slow?: boolean;
  measure(context: CaseContext): Promise<void>;
}

/** One subject of a case: measures itself once. */
export type Subject = () => Promise<Measurement | undefined>;

/** Measures the subjects in turns, so that a change of the machine's load meets all; every other round backwards. */
export async function alternate(context: CaseContext, subjects: readonly Subject[]): Promise<void> {
  for (let run = 0; run < context.runs; run++) {
    for (const subject of run % 2 === 0 ? subjects : subjects.toReversed()) {
      context.signal.throwIfAborted();
      const measurement = await subject();
      if (measurement === undefined) continue;
      context.record(measurement);
      context.say(`run ${run + 1}: ${measurement.subject}: ${headline(measurement)}`);
    }
  }
}

function headline({ metrics: { rowsPerSecond, seconds, milliseconds } }: Measurement): string {
  const rate = rowsPerSecond === undefined ? '' : `${Math.round(rowsPerSecond).toLocaleString('en')} rows/s, `;
  return `${rate}${seconds === undefined ? `${(milliseconds ?? 0).toFixed(0)} ms` : `${seconds.toFixed(2)} s`}`;
}
