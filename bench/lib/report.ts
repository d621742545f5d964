import { z } from 'zod';

/** What a process has used; null where the system does not tell. */
const processUse = z.object({
  /** High-water mark of its resident memory, MB (2^20 bytes). */
  peakMb: z.number().nullable(),
  /** CPU time during the measurement, seconds. */
  cpuSeconds: z.number().nullable(),
});

/** One run of one subject (ours, or a baseline). */
const measurement = z.object({
  subject: z.string(),
  metrics: z.record(z.string(), z.number()),
  processes: z.record(z.string(), processUse),
});

/** What a case has measured. */
const caseReport = z.object({
  id: z.string(),
  title: z.string(),
  quick: z.boolean(),
  startedAt: z.string(),
  /** Wall time of the whole case, preparation included. */
  seconds: z.number(),
  /** Processors that other work kept busy when the case began, 0 to the number of processors. */
  busyBefore: z.number(),
  measurements: z.array(measurement),
  notes: z.array(z.string()),
  /** Why it failed; what was measured before stays. */
  error: z.string().nullable(),
});

/** The machine and the programs that were measured. */
const machine = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryMb: z.number(),
  platform: z.string(),
  node: z.string(),
  version: z.string(),
});

/** The JSON document of a run. */
export const benchReportSchema = z.object({
  version: z.literal(1),
  machine,
  cases: z.array(caseReport),
});

export type ProcessUse = z.infer<typeof processUse>;
export type Measurement = z.infer<typeof measurement>;
export type CaseReport = z.infer<typeof caseReport>;
export type Machine = z.infer<typeof machine>;
export type BenchReport = z.infer<typeof benchReportSchema>;

/** The newer report's cases in place of the older one's; the others stay. */
export function mergeReports(older: BenchReport | null, newer: BenchReport): BenchReport {
  const ids = new Set(newer.cases.map(({ id }) => id));
  const kept = older?.cases.filter(({ id }) => !ids.has(id)) ?? [];
  return { ...newer, cases: [...kept, ...newer.cases] };
}
