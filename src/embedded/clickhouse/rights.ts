import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the engine's only user may do: everything with rows and tables, nothing with files, programs, other servers or
 * the engine itself. What is not granted here the engine refuses by itself (READ ON FILE, WRITE ON URL, CREATE DICTIONARY, …).
 */
const TABLES = [
  ...['SHOW', 'SELECT', 'INSERT', 'ALTER TABLE', 'ALTER VIEW', 'ALTER DATABASE', 'CREATE DATABASE', 'CREATE TABLE'],
  ...['CREATE VIEW', 'DROP', 'UNDROP TABLE', 'TRUNCATE', 'OPTIMIZE', 'CHECK', 'dictGet'],
];
const GLOBAL = [
  ...['CREATE TEMPORARY TABLE', 'CREATE FUNCTION', 'KILL QUERY', 'SYSTEM MERGES', 'SYSTEM TTL MERGES'],
  ...['SYSTEM VIEWS', 'SYSTEM FLUSH', 'SYSTEM DROP CACHE', 'SYSTEM WAIT LOADING PARTS', 'SYSTEM LOAD PRIMARY KEY'],
];

/** Engines of tables and databases that keep to the data directory. */
export const ENGINES = [
  ...['', 'Replacing', 'Summing', 'Aggregating', 'Collapsing', 'VersionedCollapsing', 'Coalescing', 'Graphite'].map(
    (kind) => `${kind}MergeTree`,
  ),
  ...['Memory', 'Null', 'View', 'MaterializedView', 'Merge', 'Alias', 'Buffer', 'Set', 'Join', 'GenerateRandom'],
  ...['Log', 'TinyLog', 'StripeLog', 'Atomic'],
];

/** Settings that name a file or a server, or change how a statement is read: nobody may set them. */
const CLOSED_SETTINGS = [
  ...['format_schema', 'format_schema_source', 'output_format_schema', 'format_template_row'],
  ...['format_template_resultset', 'format_avro_schema_registry_url', 'input_format_record_errors_file_path'],
  ...['rename_files_after_processing', 'url_base', 'filesystem_cache_name'],
  ...['dynamic_disk_allow_from_env', 'dynamic_disk_allow_include', 'dynamic_disk_allow_from_zk'],
  ...['dialect', 'allow_experimental_kusto_dialect', 'allow_experimental_prql_dialect'],
  ...['allow_experimental_polyglot_dialect', 'allow_experimental_eval_table_function'],
  ...['allow_experimental_ai_functions'],
];

/**
 * Writes the engine's configuration into a folder of its own in the data directory, and returns its file. It says the
 * same at every start, whatever stood there.
 */
export function writeRights(dataDirectory: string): string {
  const folder = join(dataDirectory, 'server-config');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const users = join(folder, 'users.xml');
  const config = join(folder, 'config.xml');
  writeFileSync(users, usersXml(), { mode: 0o600 });
  writeFileSync(
    config,
    `<clickhouse>
  <users_config>${escapeXml(users)}</users_config>
  <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
</clickhouse>
`,
    { mode: 0o600 },
  );
  return config;
}

function usersXml(): string {
  const grants = [
    `${TABLES.join(', ')} ON *.*`,
    `${GLOBAL.join(', ')} ON *.*`,
    ...ENGINES.map((engine) => `TABLE ENGINE ON ${engine}`),
  ];
  return `<clickhouse>
  <profiles><default><constraints>
${CLOSED_SETTINGS.map((name) => `    <${name}><readonly/></${name}>`).join('\n')}
  </constraints></default></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
    <grants>
${grants.map((grant) => `      <query>GRANT ${grant}</query>`).join('\n')}
    </grants>
  </default></users>
</clickhouse>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
