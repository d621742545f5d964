import { createGapRows, type ListedGap } from '../clickhouse/gap-rows.js';
import { type CommonFlags, configOf, openOutput, type Output, reach } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { alignColumns } from './terminal.js';
import { whoAmI } from './who.js';

/** Lists the intervals that could not be read. JSON: `{gaps: [...]}`. */
export async function gapsList(flags: CommonFlags & { open?: boolean }): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const destination = await openDestination(config);
  try {
    const all = await createGapRows(destination.client, config.clickhouse.database).list(meant(reach(config)));
    const gaps = flags.open ? all.filter(({ state }) => state === 'open') : all;
    print(output, gaps);
    if (gaps.length === 0) output.terminal.line(flags.open ? 'No gap is open' : 'There are no gaps');
    output.result({ gaps });
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

export interface AckFlags extends CommonFlags {
  all?: boolean;
  note?: string;
  by?: string;
  undo?: boolean;
}

/** Longest note and name. */
const MAX_TEXT = 1000;

/**
 * Notes that somebody has looked at gaps: they no longer count in `status` and in the metrics. JSON:
 * `{status: 'acknowledged'|'open'|'unchanged', gaps: [...]}`, the gaps as they are now.
 */
export async function gapsAck(ids: readonly string[], flags: AckFlags): Promise<number> {
  if ((ids.length === 0) === (flags.all !== true))
    throw new UsageError('Name gaps by their ids (gaps list shows them), or all open ones with --all');
  const by = flags.by ?? whoAmI();
  const note = flags.note ?? '';
  if (by.length > MAX_TEXT || note.length > MAX_TEXT)
    throw new UsageError(`--by, --note: ${MAX_TEXT} characters at most`);
  const output = openOutput(flags);
  const config = configOf(flags);
  const destination = await openDestination(config);
  try {
    const rows = createGapRows(destination.client, config.clickhouse.database);
    const known = await rows.list(meant(reach(config)));
    const unknown = ids.filter((id) => !known.some((gap) => gap.id === id));
    if (unknown.length > 0) throw new CommandError(`There is no gap ${unknown.join(', ')}: gaps list shows them`);
    const wanted = flags.undo ? 'acknowledged' : 'open';
    const chosen = known.filter(({ id, state }) => state === wanted && (flags.all || ids.includes(id)));
    const at = new Date();
    for (const gap of chosen) await rows.acknowledge(gap, flags.undo ? null : { at, by, note });
    const after = await rows.list(meant(reach(config)));
    const gaps = after.filter(({ id }) => chosen.some((gap) => gap.id === id) || ids.includes(id));
    print(output, gaps);
    if (chosen.length === 0) output.terminal.line(`Nothing to do: none of them is ${wanted}`);
    output.result({ status: chosen.length === 0 ? 'unchanged' : flags.undo ? 'open' : 'acknowledged', gaps });
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

/** Where no tenant is known here, all that are in the tables are meant. */
function meant({ tenants }: { tenants: readonly string[] }): readonly string[] | null {
  return tenants.length === 0 ? null : tenants;
}

function print({ terminal }: Output, gaps: readonly ListedGap[]): void {
  const rows = gaps.map((gap) => [
    `  ${gap.id}`,
    `${gap.tenant} ${gap.resource}`,
    gap.state === 'open' ? terminal.colors.yellow(gap.state) : gap.state,
    `${gap.fromDate ?? (gap.from || 'the beginning')} to ${gap.toDate ?? (gap.to || 'now')}`,
    gap.reason,
    gap.acknowledged === null
      ? ''
      : `${gap.acknowledged.by}, ${gap.acknowledged.at}${gap.acknowledged.note && `: ${gap.acknowledged.note}`}`,
  ]);
  for (const row of alignColumns(rows)) terminal.line(row);
}
