import { z } from 'zod';
import type { Cursor } from '../contracts/cursor.js';
import type { RunCounts } from '../contracts/types.js';

const text = z.string();
const count = z.number().int().min(0);

const fullPage = count.exactOptional();

const trail = z
  .object({
    steps: count,
    records: count,
    barren: count,
    last: text,
    mark: z.object({ page: text, next: text.nullable() }),
  })
  .exactOptional();

const logsCursor = z.object({
  kind: z.literal('logs'),
  perPage: count.exactOptional(),
  fullPage,
  phase: z.enum(['find', 'search', 'probe', 'check', 'refused', 'overlap', 'follow', 'confirm']),
  resume: text.nullable(),
  recent: z.boolean(),
  gap: z
    .object({ from: text, fromDate: text.nullable(), reason: text, unlessKept: z.boolean().exactOptional() })
    .nullable(),
  overlapRefused: z.boolean(),
  from: text.nullable(),
  start: text,
  logId: text.nullable(),
  date: text.nullable(),
  hops: z.object({ home: text, count }).nullable().exactOptional(),
  trail: z.object({ mark: text, steps: count }).nullable().exactOptional(),
  link: text.nullable().exactOptional(),
  byLink: z.boolean().exactOptional(),
  began: z.object({ from: text, logId: text, date: text.nullable() }).exactOptional(),
  looksBackLast: z.boolean().exactOptional(),
});

/** Cursors as they come back from heartbeat details, which an earlier version of the worker may have written. */
export const cursorSchema: z.ZodType<Cursor> = z.discriminatedUnion('kind', [
  logsCursor,
  z.object({
    kind: z.literal('logs-window'),
    position: logsCursor,
    window: z.object({ from: text, to: text }),
    available: z.boolean(),
    seen: count,
    unnamed: count,
    first: text.nullable(),
    last: text.nullable(),
    at: text.nullable(),
    ended: z.boolean(),
  }),
  z.object({
    kind: z.literal('clients'),
    paging: z.enum(['first', 'checkpoint', 'offset']),
    page: count,
    perPage: count,
    fullPage,
    next: text.nullable(),
    seen: count,
    digest: text.nullable(),
    nonRecords: count.exactOptional(),
    takeTried: z.boolean().exactOptional(),
    trail,
  }),
  z.object({
    kind: z.literal('users-pages'),
    page: count,
    perPage: count,
    fullPage,
    seen: count,
    digest: text.nullable(),
    nonRecords: count.exactOptional(),
    lastCreated: text.nullable(),
    lastCreatedRows: count,
    total: count.nullable(),
    restarts: count,
    phase: z.enum(['pages', 'proof']),
    trail,
  }),
  z.object({ kind: z.literal('users-changed'), since: text, page: count, perPage: count, fullPage, trail }),
]);

export const countsSchema: z.ZodType<RunCounts> = z.object({
  pages: count,
  rows: count,
  requests: count,
  malformed: count,
  redacted: count,
});
