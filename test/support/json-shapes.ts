import { z } from 'zod';

/** Shapes of the documents of `--json`, as docs/json.md describes them. Strict: a field that is not described fails. */
const text = z.string();
const number = z.number();
const instant = z.iso.datetime();

const resourceStatus = z.strictObject({
  state: z.enum(['running', 'retrying', 'paused', 'waiting', 'done', 'idle', 'never run', 'unknown']),
  rows: number.nullable(),
  lagMs: number.nullable(),
  cursor: text.nullable(),
  cursorAgeMs: number.nullable(),
  retentionMs: number.nullable(),
  timeLeftMs: number.nullable(),
  gaps: number.nullable(),
  deletesWaiting: number.nullable(),
  lastRun: z.strictObject({ status: text, endedAt: instant.nullable(), error: text.nullable() }).nullable(),
  lastGoodRun: z.strictObject({ endedAt: instant, rows: number }).nullable(),
  lastError: z.strictObject({ kind: text, message: text, next: text.nullable(), at: instant }).nullable(),
  retrying: text.nullable(),
  paused: z.strictObject({ reason: text.nullable(), since: text.nullable(), settled: z.boolean() }).nullable(),
  schedules: z
    .array(
      z.strictObject({
        schedule: text,
        everyMs: number.nullable(),
        paused: z.boolean(),
        note: text.nullable(),
        next: instant.nullable(),
      }),
    )
    .nullable(),
  nextRun: instant.nullable(),
  runRows: number.nullable(),
  total: number.nullable(),
  percent: number.min(0).max(100).nullable(),
  rowsPerSecond: number.nullable(),
  etaMs: number.nullable(),
  stale: text.nullable(),
});

const resources = z.partialRecord(z.enum(['logs', 'users', 'clients']), resourceStatus);
const parts = { status: z.enum(['ok', 'failed']), temporal: text, clickhouse: text };

export const JSON_SHAPES = {
  status: z.strictObject({ tenant: text, ...parts, resources }),
  statusOfSeveral: z.strictObject({ ...parts, tenants: z.array(z.strictObject({ tenant: text, resources })) }),
  doctor: z.strictObject({
    status: z.enum(['ok', 'warn', 'fail']),
    groups: z.array(
      z.strictObject({
        part: z.enum(['configuration', 'tenant', 'clickhouse', 'temporal']),
        tenant: text.optional(),
        checks: z.array(
          z.strictObject({
            name: text,
            status: z.enum(['ok', 'warn', 'fail', 'skipped']),
            detail: text,
            cure: text.optional(),
          }),
        ),
      }),
    ),
  }),
  stateImport: z.strictObject({
    status: z.literal('imported'),
    tenants: z.array(
      z.strictObject({
        tenant: text,
        checkpoints: z.partialRecord(
          z.enum(['logs', 'users', 'clients']),
          z.enum(['imported', 'replaced', 'unchanged']),
        ),
        gaps: number,
      }),
    ),
  }),
};
