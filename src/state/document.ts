import { z } from 'zod';
import { timeOfLogId } from '../auth0/log-id.js';
import { RESOURCES } from '../contracts/names.js';
import { parseInstant } from '../resources/columns.js';

const instant = z.string().refine((value) => parseInstant(value) !== undefined, 'must be an ISO 8601 instant');
/** Positions are opaque, but never long and never with blanks: what holds one is something else. */
const position = z.string().regex(/^[\x21-\x7e]{1,1024}$/, 'must be a position without blanks');
const whole = z.number().int().min(0);

const common = {
  epoch: whole,
  block: whole,
  runId: z.string().max(200),
  snapshotAt: instant.nullable(),
  rowsHeld: whole,
};

/** A checkpoint. Logs: the next `from`, and the newest log copied. Users: changed since. Clients: none. */
const checkpointSchema = z.discriminatedUnion('resource', [
  z.strictObject({
    resource: z.literal('logs'),
    cursor: position,
    lastId: z.union([position, z.literal('')]),
    lastDate: instant.nullable(),
    overlapRefused: z.boolean(),
    ...common,
  }),
  z.strictObject({ resource: z.literal('users'), cursor: z.union([instant, z.literal('')]), ...common }),
  z.strictObject({ resource: z.literal('clients'), cursor: z.literal(''), ...common }),
]);

/** An interval that could not be read. */
const gapSchema = z.strictObject({
  resource: z.enum(RESOURCES),
  from: z.string().max(1024),
  to: z.string().max(1024),
  fromDate: instant.nullable(),
  toDate: instant.nullable(),
  reason: z.string().max(1000),
  runId: z.string().max(200),
  foundAt: instant,
  refilled: z.boolean(),
  /** Who has looked at it; absent: nobody. */
  acknowledged: z.strictObject({ at: instant, by: z.string().max(1000), note: z.string().max(1000) }).optional(),
});

const tenantSchema = z.strictObject({
  tenant: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be the name of a tenant'),
  checkpoints: z
    .array(checkpointSchema)
    .refine((all) => new Set(all.map(({ resource }) => resource)).size === all.length, 'has a resource twice'),
  gaps: z.array(gapSchema),
});

/** The state of a copy: what is needed to go on with it in another cluster. Positions and times only, no records. */
export const stateSchema = z.strictObject({
  version: z.literal(1),
  program: z.string().max(100),
  exportedAt: instant,
  tenants: z
    .array(tenantSchema)
    .min(1)
    .refine((all) => new Set(all.map(({ tenant }) => tenant)).size === all.length, 'has a tenant twice'),
});

export type StateDocument = z.infer<typeof stateSchema>;
export type TenantState = z.infer<typeof tenantSchema>;
export type StateCheckpoint = z.infer<typeof checkpointSchema>;
export type StateGap = z.infer<typeof gapSchema>;

/** Reads a document. Throws an Error that names every problem, without its values. */
export function parseState(text: string): StateDocument {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON');
  }
  const parsed = stateSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the document'}: ${message}`);
  throw new Error(problems.slice(0, 10).join('; '));
}

const LOG_ID = /^[A-Za-z0-9]{16,128}$/;

/** Whether a word is a bare log id. */
export function isLogId(word: string): boolean {
  return LOG_ID.test(word);
}

/** The state that another tool's cursor stands for: everything up to this log has been copied somewhere else. */
export function stateOfLogId(tenant: string, logId: string): TenantState {
  const at = timeOfLogId(logId);
  return {
    tenant,
    checkpoints: [
      {
        resource: 'logs',
        cursor: logId,
        lastId: logId,
        lastDate: at === undefined ? null : new Date(at).toISOString(),
        overlapRefused: false,
        epoch: 0,
        block: 0,
        runId: '',
        snapshotAt: null,
        rowsHeld: 0,
      },
    ],
    gaps: [],
  };
}
