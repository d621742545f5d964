import { z } from 'zod';

/** Scopes that a token gets when nothing else is configured: all that the served endpoints know. */
export const ALL_SCOPES = [
  'read:users',
  'read:user_idp_tokens',
  'create:users',
  'read:clients',
  'read:client_keys',
  'read:logs',
  'read:logs_users',
  'read:roles',
  'read:organizations',
  'read:organization_members',
  'read:organization_member_roles',
] as const;

/** What can be set at start and changed while the emulator runs. */
export const settingsSchema = z.strictObject({
  /** Scopes that new tokens get. */
  scopes: z.array(z.string()),
  /** Seconds that a token lives. */
  tokenLifetimeSeconds: z.number().positive(),
  /**
   * Shape of list answers. `real`: an array, or an object when totals are asked for. `array`: always an array. `named`: always
   * `{users: [...]}` and so on. `data`: always `{data: [...]}`. Clients by checkpoint are an object in every shape.
   */
  shape: z.enum(['real', 'array', 'named', 'data']),
  /** What lists and their count say in place of the number of records: so many more, or something else altogether. */
  wrongTotal: z.union([z.strictObject({ plus: z.int() }), z.strictObject({ instead: z.unknown() })]).nullable(),
  /** Each page of users or clients but the first begins with the last record of the page before, and leaves its own last one out. */
  repeatAtBorder: z.boolean(),
  /** What the `Date` header is ahead of the tenant's clock, in milliseconds; null: there is none. */
  dateAheadMs: z.number().nullable(),
  /** Milliseconds that logs are kept; null keeps all. */
  logRetentionMs: z.number().positive().nullable(),
  /** What a log position older than the retention gets: a 400, or the logs from the oldest kept one on without a word. */
  expiredCursor: z.enum(['error400', 'continue']),
  /** Limit of the Management API for the whole tenant; null for none. */
  rateLimit: z
    .strictObject({
      requestsPerSecond: z.number().positive(),
      burst: z.int().min(1),
      retryAfter: z.boolean().optional(),
    })
    .nullable(),
  /** Milliseconds from asking for an export until it is there. */
  exportJobMs: z.number().min(0),
  /** Seconds that a link to an export is good for. */
  exportLinkSeconds: z.number().positive(),
  /** Whether exported identities hold their providers' tokens. */
  exportIdentityTokens: z.boolean(),
  /** Whether unset fields are exported as null instead of left out. */
  exportNulls: z.boolean(),
  /** How export jobs end: their last status. One that is never over stays `processing`. */
  exportOutcome: z.enum(['completed', 'failed', 'expired', 'cancelled', 'processing']),
});

/** What can be set at start and changed while the emulator runs. */
export type EmulatorSettings = z.infer<typeof settingsSchema>;

/** The settings of an ordinary tenant. */
export function defaultSettings(): EmulatorSettings {
  return {
    scopes: [...ALL_SCOPES],
    tokenLifetimeSeconds: 86_400,
    shape: 'real',
    wrongTotal: null,
    repeatAtBorder: false,
    dateAheadMs: 0,
    logRetentionMs: null,
    expiredCursor: 'error400',
    rateLimit: null,
    exportJobMs: 2000,
    exportLinkSeconds: 60,
    exportIdentityTokens: true,
    exportNulls: false,
    exportOutcome: 'completed',
  };
}
