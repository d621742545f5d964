import { parseArgs } from 'node:util';

/** What a run was asked for. */
export interface BenchFlags {
  /** Null: all, or with `quick` the quick ones. */
  cases: string[] | null;
  /** Null: each case's own number. */
  runs: number | null;
  quick: boolean;
  json: string | null;
  list: boolean;
  writeDocs: boolean;
  /** A report to be written into the page, instead of measuring. */
  render: string | null;
  cpuProf: string | null;
  help: boolean;
}

export const USAGE = `npm run bench -- [flags]
  --cases a,b      only these cases (--list names them)
  --runs N         runs of every subject instead of each case's own number
  --quick          small sizes, one run: shows that everything works, its figures say nothing
  --json FILE      writes the whole report to a file
  --list           names the cases and ends
  --write-docs     keeps the figures in bench/results.json and writes them into docs/performance.md
  --render FILE    does that with a report of --json, and measures nothing
  --cpu-prof DIR   writes CPU profiles of the workers and engines into a folder`;

/** Reads the command line. Throws Error with what is wrong; `known` are the ids of all cases. */
export function parseFlags(args: readonly string[], known: readonly string[]): BenchFlags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      list: { type: 'boolean' },
      'write-docs': { type: 'boolean' },
      render: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const cases = values.cases?.split(',').filter((id) => id !== '') ?? null;
  const unknown = cases?.filter((id) => !known.includes(id)) ?? [];
  if (unknown.length > 0) throw new Error(`--cases ${unknown.join(',')}: there are ${known.join(', ')}`);
  if (values.runs !== undefined && !/^[1-9]\d{0,2}$/.test(values.runs))
    throw new Error(`--runs ${values.runs} is no whole number from 1 to 999`);
  const quick = values.quick ?? false;
  if (quick && values['write-docs']) throw new Error('--write-docs: the figures of --quick say nothing');
  return {
    cases,
    runs: values.runs === undefined ? null : Number(values.runs),
    quick,
    json: values.json ?? null,
    list: values.list ?? false,
    writeDocs: values['write-docs'] ?? false,
    render: values.render ?? null,
    cpuProf: values['cpu-prof'] ?? null,
    help: values.help ?? false,
  };
}
