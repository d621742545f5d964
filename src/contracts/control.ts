import type { ResourceName } from './names.js';

/** Update that lets a run store the page in flight and then wait; input {@link PauseInput}, may be left out. */
export const PAUSE_UPDATE = 'pause';
/** Update that lets a paused run go on; no input. */
export const RESUME_UPDATE = 'resume';

/** Longest reason that a pause may carry, characters: it stands in histories, schedules and on screens. */
export const MAX_REASON = 200;

/** Input of the `pause` update. */
export interface PauseInput {
  /** Why, for those who find it paused. At most {@link MAX_REASON} characters. */
  reason?: string;
}

/** A pause as it travels in a run's state. */
export interface Pause {
  /** When it was asked for, ISO 8601. */
  since: string;
  reason: string | null;
}

/** A pause as the `progress` query shows it. */
export interface ShownPause extends Pause {
  /** Nothing is in flight any more. False: what is in flight is stored first. */
  settled: boolean;
}

/** What an update of a resource run did. */
export interface ControlAnswer {
  /** `pausing`: what is in flight is stored first, and then it waits. */
  status: 'paused' | 'pausing' | 'resumed';
  tenant: string;
  resource: ResourceName;
  workflowId: string;
  pages: number;
  /** Rows acknowledged by the destination so far. */
  rows: number;
  cursor: string | null;
  message: string;
}

/** What became of one run of several that were to be paused or resumed. */
export interface ControlledRun {
  workflowId: string;
  /**
   * `unchanged`: it refused, for it is paused (or not paused) already, or is ending. `not running`: there is none.
   * `unanswered`: no worker took the message.
   */
  status: ControlAnswer['status'] | 'unchanged' | 'not running' | 'unanswered';
  rows: number | null;
  cursor: string | null;
  message: string;
}

/** What an update of `extractTenant` did. */
export interface TenantControlAnswer {
  tenant: string;
  runs: ControlledRun[];
  message: string;
}

/** The reason in a `pause`'s input, null where there is none. Throws a RangeError that says what is wrong with it. */
export function reasonOf(input: unknown): string | null {
  if (input === undefined || input === null) return null;
  if (typeof input !== 'object' || Array.isArray(input))
    throw new RangeError('The input of pause is an object such as {"reason": "maintenance"}, or nothing');
  const unknown = Object.keys(input).filter((name) => name !== 'reason');
  if (unknown.length > 0) throw new RangeError(`pause knows no ${unknown.join(', ')}: there is reason`);
  const reason: unknown = 'reason' in input ? input.reason : undefined;
  if (reason === undefined || reason === null || reason === '') return null;
  if (typeof reason !== 'string') throw new RangeError('The reason of a pause must be a text');
  if (reason.length > MAX_REASON)
    throw new RangeError(`The reason of a pause may have ${MAX_REASON} characters at most`);
  return reason;
}
