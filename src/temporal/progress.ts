import { z } from 'zod';

/** Answer of the `progress` query as it is read: the worker that gives it may be of another version. */
const progressSchema = z.object({
  phase: z.string(),
  mode: z.string().nullable(),
  pages: z.number(),
  rows: z.number(),
  total: z.number().nullable(),
  cursor: z.string().nullable(),
  startedAt: z.string(),
  oldestDate: z.string().nullish(),
  /** `settled`: nothing is in flight any more. */
  paused: z
    .object({ reason: z.string().nullish(), since: z.string().nullish(), settled: z.boolean().default(true) })
    .nullish()
    .catch(null),
  /** Backfill: how much of its interval is done, and what of it the destination held before. */
  percent: z.number().nullish(),
  held: z.number().nullish(),
});
export type RunProgress = z.infer<typeof progressSchema>;

/** Reads a run's answer. Null where it has another form. */
export function parseProgress(answer: unknown): RunProgress | null {
  return progressSchema.safeParse(answer).data ?? null;
}
