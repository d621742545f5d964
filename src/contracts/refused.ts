import { type ErrorKind, ERRORS } from './errors.js';

/** Errors that say: not with these credentials. A run more does not help; somebody has to act. */
const REFUSED: ReadonlySet<string> = new Set<ErrorKind>([
  'CredentialsRejected',
  'AudienceRejected',
  'TokenRejected',
  'InsufficientScope',
]);

/** Runs in a row that have to be refused before a schedule is paused: one 401 may be the tenant's own trouble. */
export const REFUSALS_BEFORE_PAUSE = 3;

/** Whether an error is a refusal of the credentials. */
export function isRefused(kind: string | undefined): kind is ErrorKind {
  return kind !== undefined && REFUSED.has(kind);
}

/**
 * The error for which a schedule is to be paused: that of the last run, where the last runs were all refused. `ends` are
 * the error kinds of a resource's runs, the newest first. Undefined: it goes on.
 */
export function refusedInARow(ends: readonly string[]): ErrorKind | undefined {
  const last = ends.slice(0, REFUSALS_BEFORE_PAUSE);
  const [kind] = last;
  return last.length === REFUSALS_BEFORE_PAUSE && last.every((end) => isRefused(end)) && isRefused(kind)
    ? kind
    : undefined;
}

/** The note of a schedule that was paused for it. */
export function refusedNote(kind: ErrorKind): string {
  return `Paused after ${REFUSALS_BEFORE_PAUSE} runs in a row failed: ${kind}: ${ERRORS[kind].next} Resume with: schedule resume`;
}
