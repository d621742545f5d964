import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { PROXY_VARIABLES } from '../outbound-proxy.js';
import { type Config, ConfigError, type ConfigFiles, parseConfig } from './config.js';
import { SETTINGS } from './settings.js';
import type { Setting } from './settings/setting.js';
import { readTenantsFile as readFileValues } from './tenants-file.js';
import { type UnknownVariable, unknownVariables } from './unknown.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where tenants are looked for when TENANTS_FILE does not say. */
const TENANTS_FILE = 'tenants.yaml';

/** The environment with what `.env` in the working directory adds; the environment wins, empty values do not. */
export function readEnvironment(env: Environment = process.env, file = '.env'): Record<string, string | undefined> {
  const own = withoutEmpty(env);
  const added = readEnvFile(file);
  // A secret and the file that holds it are one setting: where the environment has one, `.env` does not add the other.
  for (const { name } of Object.values(SETTINGS).filter((setting: Setting) => setting.secret)) {
    const pair = [name, `${name}_FILE`];
    if (pair.some((one) => own[one] !== undefined)) for (const one of pair) delete added[one];
  }
  return { ...added, ...own };
}

/** Variables of `.env` and of the environment that look like settings and are none. Throws ConfigError. */
export function findUnknown(env: Environment = process.env, file = '.env'): UnknownVariable[] {
  const inFile = readEnvFile(file);
  const tenants = readTenantsFile({ ...inFile, ...withoutEmpty(env) })?.text ?? '';
  const referred = new Set([...tenants.matchAll(/\benv:\s*["']?(\w+)/g)].map(([, name = '']) => name));
  return unknownVariables(Object.keys(inFile), Object.keys(env), referred);
}

/** Where a setting's value comes from, and its text; secrets and passwords in URLs are masked. */
export interface ShownSetting {
  name: string;
  group: string;
  /** Null: it is not set, and has no default. */
  value: string | null;
  from: 'flag' | 'environment' | '.env' | 'file' | 'tenants file' | 'tenants file, defaults' | 'default' | 'unset';
  /** The file that holds it. */
  file: string | null;
}

/** What the settings are, and where each comes from; whether they can be used is not looked at. Throws ConfigError. */
export function explainSettings(overrides: Environment = {}): {
  settings: ShownSetting[];
  tenants: { tenant: string; settings: ShownSetting[] }[];
} {
  const env = process.env;
  const inFile = readEnvFile('.env');
  const isSet = (value: string | undefined): value is string => (value ?? '').trim() !== '';
  const settings = Object.values(SETTINGS).map((setting: Setting): ShownSetting => {
    const { name } = setting;
    const path = [env[`${name}_FILE`], inFile[`${name}_FILE`]].find((value) => isSet(value));
    if (isSet(overrides[name])) return shown(setting, overrides[name], 'flag');
    if (isSet(env[name])) return shown(setting, env[name], 'environment');
    if (isSet(inFile[name])) return shown(setting, inFile[name], '.env');
    if (setting.secret && path !== undefined) return shown(setting, path, 'file', path);
    return setting.default === undefined ? shown(setting, null, 'unset') : shown(setting, setting.default, 'default');
  });
  const all = { ...inFile, ...withoutEmpty(env), ...withoutEmpty(overrides) };
  const source = readTenantsFile(all);
  if (source === null) return { settings, tenants: [] };
  const { defaults, entries } = readFileValues({ ...source, env: (name) => all[name], readFile: readText }, []);
  const tenants = entries.map(({ label, own }) => ({
    tenant: label,
    settings: [
      ...[...own].map(([setting, value]) => shown(setting, value, 'tenants file', source.file)),
      ...[...defaults]
        .filter(([setting]) => !own.has(setting))
        .map(([setting, value]) => shown(setting, value, 'tenants file, defaults', source.file)),
    ],
  }));
  return { settings, tenants };
}

function shown(
  { name, group, secret }: Setting,
  value: string | null,
  from: ShownSetting['from'],
  file: string | null = null,
): ShownSetting {
  const masked = secret ? '***' : value?.replace(/\/\/[^/@]*@/, '//***@');
  return { name, group, value: value === null ? null : (masked ?? null), from, file };
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
