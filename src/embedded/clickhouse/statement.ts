import type { RowsClause } from './rows-clause.js';
import { quoteIdentifier, quoteLiteral } from './sql.js';

/** One statement with everything that applies to it alone. */
export interface Statement {
  sql: string;
  /** Rows that came with an INSERT; `sql` ends with their clause. */
  rows: InsertRows | undefined;
  database: string | undefined;
  /** Engine settings, by name. */
  settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}` placeholders by name, escaped as the HTTP interface demands. */
  params: ReadonlyMap<string, string>;
  /** Output format where the text names none. */
  format: string;
  /** Refuse everything that writes, as ClickHouse does for GET. */
  readonly: boolean;
}

/** Rows as they were received, in pieces that belong one behind the other. */
export interface InsertRows {
  clause: RowsClause;
  pieces: readonly Buffer[];
}

/** An INSERT with its rows. */
export type InsertStatement = Statement & { rows: InsertRows };

/**
 * The statements that go ahead of `statement` on its connection: settings, placeholder values, database.
 *
 * Placeholders are set like settings because the native call that binds them keeps them in one place for the whole
 * process, where two queries at a time overwrite each other's ("Substitution `a` is not set", code 456).
 */
export function preamble(statement: Statement, defaults: ReadonlyMap<string, string>): string {
  const values = new Map([...defaults, ...statement.settings]);
  for (const [name, value] of statement.params) values.set(`param_${name}`, value);
  if (statement.readonly) values.set('readonly', '2');
  // Statements were inspected with it off. The embedded engine reads `1+1` as a query; a server calls it a syntax error.
  values.set('implicit_select', '0');
  const assignments = [...values].map(([name, value]) => `${name} = ${quoteLiteral(value)}`);
  const use = statement.database === undefined ? '' : `USE ${quoteIdentifier(statement.database)}; `;
  return `SET ${assignments.join(', ')}; ${use}`;
}
