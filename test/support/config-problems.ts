import { ConfigError, parseConfig } from '../../src/config/config.js';

/** Problems that a configuration is refused for; none where it is taken. */
export function problemsIn(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Problems of these variables, without any file. */
export function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  return problemsIn(() => parseConfig(env));
}
