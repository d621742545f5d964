import { isErrorKind } from './errors.js';
import type { RunError } from './types.js';

/** The innermost failure with one of our names, as an error for people; `Internal` where there is none. */
export function errorOfFailure(failure: unknown): RunError {
  let message = 'unknown';
  for (let here = failure, depth = 0; here instanceof Error && depth < 10; here = here.cause, depth++) {
    const type: unknown = 'type' in here ? here.type : undefined;
    if (typeof type === 'string' && isErrorKind(type)) return { kind: type, message: here.message };
    ({ message } = here);
  }
  return { kind: 'Internal', message };
}
