import { ConfigError } from '../config/problems.js';
import { systemFailure } from '../system-failure.js';
import { inJson, onLines } from '../printable.js';
import { serverTrouble } from '../temporal/slow-server.js';
import { describeError, ExtractError } from '../contracts/errors.js';

/** Exit codes that scripts rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** A wrong use of the command line: printed as it is, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** Somebody else has printed it already. */
  readonly printed: boolean;

  constructor(message: string, { printed = false }: { printed?: boolean } = {}) {
    super(message);
    this.printed = printed;
  }
}

/** Something that a person has to be told and that needs no stack trace: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Ctrl-C: nothing more to say, exit code 130. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What a person reads of an error, and the exit code. Only a bug shows where in the program it happened. */
export function describeFailure(error: unknown): { message: string; exitCode: number } {
  if (error instanceof ConfigError || error instanceof UsageError)
    return { message: error.message, exitCode: EXIT.usage };
  if (error instanceof ExtractError) {
    const exitCode = error.kind === 'Configuration' ? EXIT.usage : EXIT.failed;
    return { message: describeError(error.kind, error.message, error.context), exitCode };
  }
  if (error instanceof CommandError) return { message: error.message, exitCode: EXIT.failed };
  if (error instanceof Interrupted) return { message: '', exitCode: EXIT.interrupted };
  const trouble = serverTrouble(error);
  if (trouble) return describeFailure(trouble);
  const lacking = systemFailure(error);
  if (lacking !== undefined && error instanceof Error)
    return { message: `${error.message}: ${lacking}`, exitCode: EXIT.failed };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `This is a bug, please report it: ${detail}`, exitCode: EXIT.failed };
}

/** Says on stderr what went wrong. */
export function tellProblem(message: string): void {
  process.stderr.write(`${onLines(message)}\n`);
}

/** Prints the failure on stderr, for `--json` its document on stdout, and ends the process with its exit code. */
export function reportAndExit(error: unknown, json = false): never {
  const { message, exitCode } = describeFailure(error);
  const printed = error instanceof UsageError && error.printed;
  if (message !== '' && !printed) tellProblem(message);
  if (json) process.stdout.write(`${inJson(JSON.stringify({ status: 'failed', error: { message }, exitCode }))}\n`);
  process.exit(exitCode);
}
