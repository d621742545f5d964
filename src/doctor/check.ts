import { describeError, ERRORS, ExtractError } from '../contracts/errors.js';

/** How a check came out. `skipped`: it could not be made, and that is no fault. */
export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skipped';

/** One line of the doctor. */
export interface Check {
  name: string;
  status: CheckStatus;
  /** What was found. Never a secret, a token or a record. */
  detail: string;
  /** What to do about it; absent where all is well. */
  cure?: string;
}

/** The checks of one part: the program's own settings, a tenant, ClickHouse, Temporal. */
export interface CheckGroup {
  part: 'configuration' | 'tenant' | 'clickhouse' | 'temporal';
  /** Which tenant. */
  tenant?: string;
  checks: Check[];
}

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail });
export const warn = (name: string, detail: string, cure: string): Check => ({ name, status: 'warn', detail, cure });
export const fail = (name: string, detail: string, cure: string): Check => ({ name, status: 'fail', detail, cure });
export const skipped = (name: string, detail: string): Check => ({ name, status: 'skipped', detail });

/** An error as a failed check. Of one that is none of ours only its kind is said: its text may quote anything. */
export function failedWith(name: string, error: unknown, cure?: string): Check {
  if (error instanceof ExtractError) {
    const { next } = ERRORS[error.kind];
    const text = describeError(error.kind, error.message, error.context);
    return fail(name, text.slice(0, text.length - next.length).replace(/\. $/, ''), cure ?? next);
  }
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  const kind = error instanceof Error ? error.name : 'something that is no error';
  return fail(name, `${kind}${code}`, cure ?? ERRORS.Internal.next);
}

/** Whether any check failed. */
export function anyFailed(groups: readonly CheckGroup[]): boolean {
  return groups.some(({ checks }) => checks.some(({ status }) => status === 'fail'));
}
