import { COMPOSE_SETTINGS, type Setting, SETTINGS } from './settings.js';

/** A variable that looks like a setting of ours and is none. */
export interface UnknownVariable {
  name: string;
  /** `.env`, or the environment. */
  from: string;
  /** The setting that may have been meant; null: none is near. */
  suggestion: string | null;
}

/** Read by a flag, and by the libraries behind the settings. */
const ALSO_KNOWN = ['EMULATOR_CLIENT_SECRET'];
const KNOWN_PREFIXES = ['TEMPORAL_GRPC_META_', 'OTEL_'];

const ALL: readonly Setting[] = [...Object.values(SETTINGS), ...COMPOSE_SETTINGS];
const NAMES = ALL.map(({ name }) => name);
const KNOWN: ReadonlySet<string> = new Set([
  ...NAMES,
  ...ALL.flatMap(({ name, secret }) => (secret ? [`${name}_FILE`] : [])),
  ...ALSO_KNOWN,
]);
/** First words that several settings share, such as AUTH0_. */
const OURS: readonly string[] = [...new Set(NAMES.map((name) => `${name.split('_')[0]}_`))].filter(
  (prefix) => NAMES.filter((name) => name.startsWith(prefix)).length > 1,
);

/**
 * Variables that look like ours and are none. Of `.env`, which is written for this program, all that begin as ours do; of
 * the environment, which is everybody's, only what is a slip of the pen. `referred`: names that tenants.yaml refers to.
 */
export function unknownVariables(
  file: readonly string[],
  environment: readonly string[],
  referred: ReadonlySet<string> = new Set(),
): UnknownVariable[] {
  const isOurs = (name: string) =>
    KNOWN.has(name) || referred.has(name) || KNOWN_PREFIXES.some((prefix) => name.startsWith(prefix));
  const inFile = file
    .filter((name) => !isOurs(name))
    .map((name) => ({ name, from: '.env', suggestion: nearest(name) }))
    .filter(
      ({ name, suggestion }) => suggestion !== null || OURS.some((prefix) => name.toUpperCase().startsWith(prefix)),
    );
  const inEnvironment = environment
    .filter((name) => !isOurs(name) && !file.includes(name) && OURS.some((prefix) => name.startsWith(prefix)))
    .flatMap((name) => {
      const suggestion = NAMES.find((known) => distance(name, known) === 1);
      return suggestion === undefined ? [] : [{ name, from: 'the environment', suggestion }];
    });
  return [...inFile, ...inEnvironment];
}

/** What is said of one. */
export function describeUnknown({ name, from, suggestion }: UnknownVariable): string {
  const meant = suggestion === null ? 'docs/configuration.md has them all' : `did you mean ${suggestion}?`;
  return `${name} in ${from} is no setting of this program: ${meant}`;
}

/** A slip of the pen, another case, or a name with words left out; null where nothing is near. */
function nearest(given: string): string | null {
  const name = given.toUpperCase().replaceAll('-', '_');
  const own = name.slice(name.indexOf('_') + 1);
  const near = NAMES.map((known) => ({ known, edits: distance(name, known) })).toSorted((a, b) => a.edits - b.edits)[0];
  if (near !== undefined && near.edits <= 2 && near.edits <= own.length / 3) return near.known;
  const words = name.split('_');
  const whole = NAMES.filter((known) => words.length > 1 && words.every((word) => known.split('_').includes(word)));
  return whole.toSorted((a, b) => a.length - b.length)[0] ?? null;
}

/** Letters to add, drop, change or swap with their neighbour (Damerau's distance, each place touched once). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(at(i - 1, j) + 1, (row[j - 1] ?? Infinity) + 1, at(i - 1, j - 1) + change, swapped));
    }
  }
  return at(a.length, b.length);
}
