import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { PROXY_VARIABLES } from '../outbound-proxy.js';
import { type Config, ConfigError, type ConfigFiles, parseConfig } from './config.js';
import { SETTINGS } from './settings.js';
import type { Setting } from './settings/setting.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where tenants are looked for when TENANTS_FILE does not say. */
const TENANTS_FILE = 'tenants.yaml';

/** The environment with what `.env` in the working directory adds; the environment wins, empty values do not. */
export function readEnvironment(env: Environment = process.env, file = '.env'): Record<string, string | undefined> {
  return { ...readEnvFile(file), ...withoutEmpty(env) };
}

/** Reads the configuration of this process, with what flags of the command line say on top. Throws ConfigError. */
export function loadConfig(overrides: Environment = {}): Config {
  const problems: string[] = [];
  const env = withSecretFiles({ ...readEnvironment(), ...withoutEmpty(overrides) }, readText, problems);
  adoptProxy(env);
  return parseConfig(env, { tenants: readTenantsFile(env), readFile: readText }, problems);
}

/** A proxy that `.env` names is used as one of the environment, which wins. */
function adoptProxy(env: Environment): void {
  for (const name of PROXY_VARIABLES.flatMap((variable) => [variable.toLowerCase(), variable]))
    if (env[name] !== undefined) process.env[name] ??= env[name];
}

/**
 * Every secret may come from a file instead, under its name and `_FILE`, as Docker and Kubernetes hand secrets out: in
 * the environment of a process anybody on its machine may read them.
 */
export function withSecretFiles(
  env: Environment,
  readFile: ConfigFiles['readFile'],
  problems: string[],
): Record<string, string | undefined> {
  const result = { ...env };
  for (const { name } of Object.values(SETTINGS).filter((setting: Setting) => setting.secret)) {
    const path = env[`${name}_FILE`];
    if (path === undefined || path.trim() === '') continue;
    if ((env[name] ?? '').trim() !== '') {
      problems.push(`${name} and ${name}_FILE are both set: one of them has to go`);
      continue;
    }
    try {
      result[name] = readFile(path).replace(/\r?\n$/, '');
      if (result[name].trim() === '') problems.push(`${name}_FILE: ${path} is empty`);
    } catch (error) {
      problems.push(`${name}_FILE: ${path} cannot be read (${codeOf(error)})`);
    }
  }
  return result;
}

function readTenantsFile(env: Environment): ConfigFiles['tenants'] {
  const named = env[SETTINGS.tenantsFile.name];
  const file = named ?? TENANTS_FILE;
  try {
    return { file, text: readText(file) };
  } catch (error) {
    if (named === undefined && isAbsent(error)) return null;
    throw new ConfigError([`${SETTINGS.tenantsFile.name}: ${file} cannot be read (${codeOf(error)})`]);
  }
}

function readEnvFile(file: string): Record<string, string | undefined> {
  try {
    return { ...parseEnv(readText(file)) };
  } catch (error) {
    if (isAbsent(error)) return {};
    throw new ConfigError([`.env cannot be read (${codeOf(error)})`]);
  }
}

function withoutEmpty(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => (value ?? '').trim() !== ''));
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
