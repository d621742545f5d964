import { RESOURCES } from '../contracts/names.js';
import type { RunChoice } from '../temporal/control.js';
import { type CommonFlags, parseResources } from './context.js';
import { UsageError } from './failure.js';

/** Flags of the commands that act on what runs. */
export interface ChoiceFlags extends CommonFlags {
  resources?: string;
  backfills?: boolean;
}

/** The runs that the flags mean. Throws UsageError. */
export function parseChoice(flags: ChoiceFlags): Omit<RunChoice, 'tenant'> {
  const resources = parseResources(flags.resources);
  const backfillsOnly = flags.backfills ?? false;
  if (backfillsOnly && resources) throw new UsageError('--backfills means those of logs: leave --resources out');
  return { resources: resources ?? RESOURCES, backfillsOnly, everything: resources === undefined && !backfillsOnly };
}
