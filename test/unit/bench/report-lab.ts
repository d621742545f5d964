import type { CaseReport, Measurement } from '../../../bench/lib/report.js';

/** A case with these measurements. */
export function caseOf(id: string, measurements: Measurement[]): CaseReport {
  return {
    id,
    title: `Title of ${id}`,
    quick: false,
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 12,
    busyBefore: 0.25,
    measurements,
    notes: [],
    error: null,
  };
}

/** One run of a subject. */
export function runOf(
  subject: string,
  metrics: Record<string, number>,
  processes: Measurement['processes'] = {},
): Measurement {
  return { subject, metrics, processes };
}
