import { readFileSync } from 'node:fs';
import { type ClientConfigProfile, type ConfigDataSource, loadClientConfigProfile } from '@temporalio/envconfig';
import { z } from 'zod';

/** Settings of a connection as the profile file and the environment give them together. */
export type TemporalProfile = Pick<ClientConfigProfile, 'address' | 'namespace' | 'apiKey' | 'tls' | 'grpcMeta'>;

const source = z.custom<ConfigDataSource>(
  (value) => typeof value === 'object' && value !== null && (!('path' in value) || typeof value.path === 'string'),
  'must be text',
);
const text = z.string('must be text');
const profileSchema = z.object({
  address: text.optional(),
  namespace: text.optional(),
  apiKey: text.optional(),
  tls: z
    .object({
      disabled: z.boolean('must be true or false').optional(),
      serverName: text.optional(),
      clientCert: source.optional(),
      clientKey: source.optional(),
      serverCACert: source.optional(),
    })
    .optional(),
  grpcMeta: z.record(z.string(), text).optional(),
});

/**
 * Reads the connection settings as the `temporal` CLI does: a profile of temporal.toml, and over it the environment.
 * The file is read only where TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE is set: a profile that somebody keeps for the
 * CLI must not turn `npm start` into a writer to that server. `env` holds no empty values. Adds to `problems`.
 */
export function loadTemporalProfile(env: Readonly<Record<string, string>>, problems: string[]): TemporalProfile {
  const own = loadClientConfigProfile({ disableFile: true, overrideEnvVars: { ...env } });
  const file = readProfile(env, problems);
  const tls = file.tls || own.tls ? { ...file.tls, ...own.tls } : undefined;
  const grpcMeta = { ...file.grpcMeta, ...own.grpcMeta };
  return { ...file, ...own, ...(tls && { tls }), grpcMeta };
}

function readProfile(env: Readonly<Record<string, string>>, problems: string[]): TemporalProfile {
  const { TEMPORAL_PROFILE: profile, TEMPORAL_CONFIG_FILE: file } = env;
  if (profile === undefined && file === undefined) return {};
  const place = file === undefined ? 'temporal.toml' : `TEMPORAL_CONFIG_FILE ${file}`;
  try {
    const loaded = loadClientConfigProfile({
      disableEnv: true,
      configFileStrict: true,
      overrideEnvVars: { ...env },
      ...(file !== undefined && { configSource: { data: readFileSync(file, 'utf8') } }),
    });
    const parsed = profileSchema.safeParse(loaded);
    // exactOptionalPropertyTypes: what zod gives back may name keys without a value.
    if (parsed.success) return loaded;
    for (const { path, message } of parsed.error.issues)
      problems.push(`${place}: profile "${profile ?? 'default'}": ${path.join('.')} ${message}`);
  } catch (error) {
    problems.push(`${place} cannot be used: ${reasonOf(error)}`);
  }
  return {};
}

/** A TOML error goes on with the lines around it, where an API key may be. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && error.code === 'ENOENT') return 'there is no such file';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message.split('\n')[0] ?? error.name;
}
