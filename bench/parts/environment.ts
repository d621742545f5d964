/** Variables that a machine may have set and that must not reach what is measured. */
const NEUTRAL =
  /^(AUTH0_|CLICKHOUSE_|TEMPORAL_|DATA_DIR|EMULATOR_|SCHEDULE_|LOG_|LOGS_|PAGES_|SNAPSHOT_|MAX_DELETE|USERS_|SHUTDOWN_|TENANTS_|RESOURCES|NODE_OPTIONS)/;

/** This process's environment without the settings of the program. */
export function bareEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !NEUTRAL.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}

/** Where the Temporal CLI may be found. */
export function temporalSources() {
  const { TEMPORAL_CLI_PATH: cliPath, PATH: searchPath, XDG_CACHE_HOME: cacheHome, HOME: home } = process.env;
  return {
    ...(cliPath !== undefined && { cliPath }),
    searchPath: searchPath ?? '',
    cacheDir: `${cacheHome ?? `${home ?? '.'}/.cache`}/auth0-clickhouse`,
  };
}
