import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { identifier } from './client.js';
import { classifyClickHouseError } from './errors.js';
import { MIGRATIONS, migrationsTable } from './migrations/index.js';
import { type Ddl, type DdlTarget, ddlFor } from './migrations/migration.js';
import { createStatements } from './statements.js';

/** A table or view as all migrations together make it. */
export interface SchemaObject {
  name: string;
  kind: 'table' | 'view' | 'materialized view';
  /** The statement that makes it; a view's replaces one that is there. */
  create: string;
  /** Columns of a table, with what stands behind their names. */
  columns: { name: string; definition: string }[];
  /** What a view selects. */
  select: string;
}

const CREATE =
  /^CREATE (?:OR REPLACE )?(TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?`\w+`\.`(\w+)`[\s\S]*?(?:\sAS\s([\s\S]+))?$/;
const ADD_COLUMN = /^ALTER TABLE `\w+`\.`(\w+)`.* ADD COLUMN IF NOT EXISTS (\w+) (.+)$/;
const COLUMN = /^ {2}(?!INDEX |PROJECTION |CONSTRAINT )(\w+) (.+?),?$/gm;

/** Everything that the migrations make, in the order in which it can be made. Throws on a statement that it cannot read. */
export function desiredSchema(ddl: Ddl): SchemaObject[] {
  const objects = new Map<string, SchemaObject>();
  for (const statement of [migrationsTable(ddl), ...MIGRATIONS.flatMap((migration) => migration.statements(ddl))]) {
    const added = ADD_COLUMN.exec(statement);
    const table = objects.get(added?.[1] ?? '');
    if (added !== null && table !== undefined) {
      table.columns.push({ name: added[2] ?? '', definition: added[3] ?? '' });
      continue;
    }
    const [, type, name, select = ''] = CREATE.exec(statement) ?? [];
    if (type === undefined || name === undefined) throw new Error(`not understood: ${statement.slice(0, 100)}`);
    const kind = type === 'TABLE' ? 'table' : type === 'VIEW' ? 'view' : 'materialized view';
    objects.set(name, {
      name,
      kind,
      create: statement.replace('CREATE VIEW IF NOT EXISTS', 'CREATE OR REPLACE VIEW'),
      columns: kind === 'table' ? columnsOf(statement) : [],
      select: kind === 'table' ? '' : select,
    });
  }
  const order = ['table', 'materialized view', 'view'];
  return [...objects.values()].toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

function columnsOf(create: string): SchemaObject['columns'] {
  const [body = ''] = create.split('\n) ENGINE');
  return [...body.matchAll(COLUMN)].map(([, name = '', definition = '']) => ({ name, definition }));
}

/** What is wrong with a table or view of ours. `columns`: those that are missing. */
export interface SchemaProblem {
  object: SchemaObject;
  what: 'missing' | 'changed' | 'columns';
  columns: string[];
}

/** How the destination's tables and views differ from what the program needs. */
export interface SchemaState {
  problems: SchemaProblem[];
  /** None of them is there: nothing was copied yet. */
  isEmpty: boolean;
  /** Whether the user is shown all of the database: who may read a view only is shown nothing else. */
  seesAll: boolean;
}

const tableRow = z.object({ name: z.string(), as_select: z.string() });
const columnRow = z.object({ owner: z.string(), columns: z.array(z.string()) });

/** Compares the destination with what the migrations make; writes nothing. Throws ExtractError. */
export async function readSchema(client: ClickHouseClient, target: DdlTarget): Promise<SchemaState> {
  const { select } = createStatements(client);
  const { database } = target;
  const [tables, columns] = await Promise.all([
    select(tableRow, 'SELECT name, as_select FROM system.tables WHERE database = {database:String}', { database }),
    select(
      columnRow,
      `SELECT table AS owner, groupArray(name) AS columns FROM system.columns
       WHERE database = {database:String} GROUP BY owner`,
      { database },
    ),
  ]);
  const present = new Map(
    tables.map(({ name, as_select }) => [
      name,
      { select: as_select, columns: columns.find(({ owner }) => owner === name)?.columns ?? [] },
    ]),
  );
  const desired = desiredSchema(ddlFor(target));
  const problems = desired.flatMap((object) => problemOf(object, present.get(object.name), desired));
  return {
    problems,
    isEmpty: desired.every(({ name }) => !present.has(name)),
    seesAll: present.has('_migrations'),
  };
}

function problemOf(
  object: SchemaObject,
  found: { select: string; columns: readonly string[] } | undefined,
  desired: readonly SchemaObject[],
): SchemaProblem[] {
  if (found === undefined) return [{ object, what: 'missing', columns: [] }];
  const columns = (object.kind === 'table' ? object.columns.map(({ name }) => name) : shownBy(object, desired)).filter(
    (name) => !found.columns.includes(name),
  );
  if (object.kind !== 'table' && (columns.length > 0 || bare(found.select) !== bare(object.select)))
    return [{ object, what: 'changed', columns: [] }];
  return columns.length > 0 ? [{ object, what: 'columns', columns }] : [];
}

/** The columns that a view `SELECT * [EXCEPT (…)] FROM table` shows; a view keeps those that it was made with. */
function shownBy({ select }: SchemaObject, desired: readonly SchemaObject[]): string[] {
  const [, except = '', source] = /^SELECT \*(?: EXCEPT \(([^)]*)\))? FROM `\w+`\.`(\w+)`/.exec(select) ?? [];
  const hidden = new Set(except.split(',').map((name) => name.trim()));
  return (desired.find(({ name }) => name === source)?.columns ?? [])
    .filter(({ name, definition }) => !hidden.has(name) && !/\b(MATERIALIZED|ALIAS)\b/.test(definition))
    .map(({ name }) => name);
}

/** A statement without what servers write in their own way: quotes of names, blanks, brackets. */
function bare(select: string): string {
  return select.replaceAll(/[`\s()]/g, '').toLowerCase();
}

/** What is wrong, for people; '' where nothing is. */
export function describeSchema({ problems }: Pick<SchemaState, 'problems'>, database: string): string {
  const named = (what: SchemaProblem['what']) => problems.filter((problem) => problem.what === what);
  const names = (some: readonly SchemaProblem[]) => some.map(({ object }) => object.name).join(', ');
  const parts = [
    named('missing').length > 0 && `${names(named('missing'))} missing`,
    named('changed').length > 0 && `${names(named('changed'))} changed by somebody else`,
    ...named('columns').map(({ object, columns }) => `${object.name} without ${columns.join(', ')}`),
  ].filter((part) => part !== false);
  return parts.length === 0 ? '' : `In ${database}: ${parts.join('; ')}`;
}

/** A table or view that was made again, or got back what was missing. */
export interface Repaired {
  name: string;
  kind: SchemaObject['kind'];
  what: SchemaProblem['what'];
}

/**
 * Makes again what is missing of the tables and views, and replaces views that somebody has changed. What a table held is
 * not brought back by this: runs believe a checkpoint only as far as rows are there, and read it again. Throws ExtractError.
 */
export async function repairSchema(client: ClickHouseClient, target: DdlTarget): Promise<Repaired[]> {
  const { problems } = await readSchema(client, target);
  if (problems.length === 0) return [];
  const ddl = ddlFor(target);
  const run = async (query: string): Promise<void> => {
    try {
      await client.command({ query });
    } catch (error) {
      throw classifyClickHouseError(error);
    }
  };
  const tables = problems.filter(({ object }) => object.kind === 'table');
  for (const { object } of tables) {
    const table = `${ddl.table(object.name)}${ddl.onCluster}`;
    await run(object.create);
    for (const { name, definition } of object.columns)
      await run(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${identifier(name)} ${definition}`);
  }
  const touches = ({ create }: SchemaObject) => tables.some(({ object }) => create.includes(ddl.table(object.name)));
  for (const object of desiredSchema(ddl)) {
    if (object.kind === 'table') continue;
    // A view knows its tables as they were when it was made.
    if (!touches(object) && !problems.some((problem) => problem.object.name === object.name)) continue;
    if (object.kind === 'materialized view') await run(`DROP VIEW IF EXISTS ${ddl.table(object.name)}${ddl.onCluster}`);
    await run(object.create);
  }
  return problems.map(({ object: { name, kind }, what }) => ({ name, kind, what }));
}
