import { resources } from '../resources/index.js';
import type { Repaired } from '../clickhouse/schema.js';
import { type CommonFlags, configOf, openOutput } from './context.js';
import { migrateDestination, openDestination } from './destination.js';
import { EXIT } from './failure.js';
import { alignColumns } from './terminal.js';

/**
 * Makes dropped tables and views again, and replaces views that somebody has changed, as a worker does when it starts.
 * JSON: `{status: 'repaired'|'unchanged', database, repaired: [{name, kind, what}]}`.
 */
export async function repairTables(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const { database } = config.clickhouse;
  const destination = await openDestination(config);
  try {
    const repaired = await migrateDestination(config, destination.url);
    for (const row of alignColumns(repaired.map((entry) => [`  ${entry.name}`, entry.kind, doneText(entry)])))
      output.terminal.line(row);
    if (repaired.length === 0) output.terminal.line(`All tables and views of ${database} are as they should be`);
    output.result({ status: repaired.length === 0 ? 'unchanged' : 'repaired', database, repaired });
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

function doneText({ name, what }: Repaired): string {
  const done = what === 'missing' ? 'made again' : what === 'changed' ? 'replaced' : 'has its columns again';
  const resource = Object.values(resources).find(({ table }) => table === name)?.name;
  if (resource === undefined || what === 'changed') return done;
  const how = what === 'missing' ? '' : `, with reset ${resource} before`;
  return `${done}: the next sync of ${resource} reads what it held${how}`;
}
