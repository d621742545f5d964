import type { ResourceName } from '../contracts/names.js';

/** What makes a copy differ from its source. */
export const DIFFERENCES = ['missing', 'extra', 'different'] as const;
export type Difference = (typeof DIFFERENCES)[number];

/** What a comparison of one resource has found. A public contract: fields are added, never renamed. */
export interface ResourceReport extends Record<Difference, number> {
  /** Records that the tenant has, within the window. */
  source: number;
  /** Rows that readers of the destination see, within the window; those of `retainedOnly` left out. */
  destination: number;
  /** Records behind the checkpoint: no sync has come to them yet, the next one will. No difference. */
  behind: number;
  /** Users held in an older version that have changed since the last sync began. No difference. */
  changedSince: number;
  /** Logs older than the oldest one that the tenant still keeps. No difference. */
  retainedOnly: number;
  /** Records that `--repair` has stored. */
  repaired: number;
  /** Ids of the differences, at most so many of each kind as were asked for. */
  sample: Record<Difference, string[]>;
}

/** What a verification has found. */
export interface VerifyResult {
  tenant: string;
  status: 'equal' | 'different';
  resources: Partial<Record<ResourceName, ResourceReport>>;
}

/** A report without findings. */
export function emptyReport(): ResourceReport {
  return {
    source: 0,
    destination: 0,
    missing: 0,
    extra: 0,
    different: 0,
    behind: 0,
    changedSince: 0,
    retainedOnly: 0,
    repaired: 0,
    sample: { missing: [], extra: [], different: [] },
  };
}

/** Counts a difference; its id is kept as long as there are fewer than `limit` of its kind. */
export function note(report: ResourceReport, kind: Difference, id: string, limit: number): void {
  report[kind]++;
  if (report.sample[kind].length < limit) report.sample[kind].push(id);
}

/** Whether nothing is missing, too much, or different. */
export function isEqual(report: ResourceReport): boolean {
  return DIFFERENCES.every((kind) => report[kind] === 0);
}
