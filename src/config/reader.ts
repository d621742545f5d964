import type { Setting } from './settings/setting.js';

/** Reads settings, and collects everything that is wrong with them. */
export interface Reader {
  /** Undefined where it is unset, or not valid, which is then among the problems. */
  read<T>(setting: Setting<T>): T | undefined;
  /** For settings with a default: only a problem leaves them undefined, and that ends in an error anyway. */
  number(setting: Setting<number>): number;
  word(setting: Setting<string>): string;
  /** How a person finds the setting: its variable, or its place in a file. */
  nameOf(setting: Setting): string;
  problem(text: string): void;
  /** Problems so far, of this reader and those that share its list. */
  readonly problems: readonly string[];
}

/** A reader of texts: `lookup` gives what was set for a setting, `nameOf` where. Empty texts count as unset. */
export function createReader(
  lookup: (setting: Setting) => string | undefined,
  problems: string[],
  nameOf: (setting: Setting) => string = ({ name }) => name,
): Reader {
  const read = <T>(setting: Setting<T>): T | undefined => {
    const given = lookup(setting);
    const text = given === undefined || given.trim() === '' ? setting.default : given;
    if (text === undefined) return undefined;
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) return parsed.data;
    // A URL can hold a password where none belongs.
    const shown = setting.secret ? '' : ` (it is "${text.replace(/\/\/.*@/, '//***@')}")`;
    problems.push(`${nameOf(setting)} ${parsed.error.issues[0]?.message ?? 'is not valid'}${shown}`);
    return undefined;
  };
  return {
    read,
    number: (setting) => read(setting) ?? 0,
    word: (setting) => read(setting) ?? '',
    nameOf,
    problem: (text) => problems.push(text),
    problems,
  };
}
