import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Config, ConfigError, parseConfig } from './config.js';

/** The environment with what `.env` in the working directory adds; the environment wins, empty values do not. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
  file = '.env',
): Record<string, string | undefined> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => (value ?? '').trim() !== ''));
  return { ...readEnvFile(file), ...present };
}

/** Reads the configuration of this process, with what flags of the command line say on top. Throws ConfigError. */
export function loadConfig(overrides: Readonly<Record<string, string | undefined>> = {}): Config {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  return parseConfig({ ...readEnvironment(), ...given });
}

function readEnvFile(file: string): Record<string, string | undefined> {
  try {
    return { ...parseEnv(readFileSync(file, 'utf8')) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new ConfigError([`.env cannot be read (${String(code ?? error)})`]);
  }
}
