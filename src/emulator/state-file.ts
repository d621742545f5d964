import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { z } from 'zod';

const count = z.int().min(0);
const span = { startMs: z.number(), endMs: z.number() };

const stateSchema = z.strictObject({
  version: z.literal(1),
  seed: count,
  epochMs: z.int(),
  logSpanMs: z.number().positive(),
  logs: count,
  users: count,
  clients: count,
  segments: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('spread'), count, ...span }),
        z.strictObject({
          kind: z.literal('live'),
          startMs: z.number(),
          intervalMs: z.number().positive(),
          endMs: z.number().optional(),
        }),
      ]),
    )
    .readonly(),
  userOperations: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('add'), count, ...span }),
        z.strictObject({ kind: z.literal('touch'), users: z.array(count).readonly(), ...span }),
        z.strictObject({ kind: z.literal('remove'), users: z.array(count).readonly() }),
      ]),
    )
    .readonly(),
  clientOperations: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('add'), count }),
        z.strictObject({ kind: z.literal('touch'), clients: z.array(count).readonly() }),
        z.strictObject({ kind: z.literal('remove'), clients: z.array(count).readonly() }),
      ]),
    )
    .readonly(),
  /** Sizes and changes of the other objects; a file of before there were any has none. */
  roles: count.optional(),
  organizations: count.optional(),
  membersPerOrganization: count.optional(),
  objectChanges: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()).nullable())).optional(),
});

/** What is kept of a tenant over restarts. */
export type TenantState = z.infer<typeof stateSchema>;

/** Reads a state file; undefined when there is none. Throws an Error that names the file when it is not one of ours. */
export function readState(path: string): TenantState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`The emulator's state file ${path} cannot be read.`, { cause: error });
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} is not a state file of the emulator; move it away to start a new tenant.`, {
      cause: error,
    });
  }
}

/** Writes a state file in one step: a reader, or a crash, meets the old one or the new one. */
export function writeState(path: string, state: TenantState): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}
