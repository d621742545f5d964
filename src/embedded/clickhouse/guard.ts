import { ENGINES } from './rights.js';
import { tokensOf, type Token } from './tokens.js';

/**
 * Functions that reach out of the data directory before the engine asks for a right, or without: `file` reads any file,
 * `executable` starts a program, `eval` runs a text as a statement, `disk` and `sqlite` make what is not there.
 */
const CLOSED_FUNCTIONS = new Set([
  'file',
  'eval',
  'executable',
  'executablepool',
  'disk',
  'sqlite',
  'catboostevaluate',
]);
const KNOWN_ENGINES = new Set(ENGINES.map((name) => name.toLowerCase()));

/**
 * Why a statement must not run, or undefined. It looks at what the engine's own parser has made of the statement
 * (formatQuery), where each word is what it seems to be: no quotes of other alphabets, no escapes in names, no comments.
 * For everything else the engine's rights decide, see rights.ts.
 *
 * `ownFile` is the file with an insert's rows: the only one that INFILE may name.
 */
export function refusedWord(
  canonical: string,
  { ownFile, params }: { ownFile?: string; params?: Iterable<string> } = {},
): string | undefined {
  const tokens = [...tokensOf(canonical)];
  const at = (index: number): Token | undefined => tokens[index];
  const word = (index: number): string => (at(index)?.kind === 'word' ? (at(index)?.text.toUpperCase() ?? '') : '');
  const verb = word(0);
  let files = 0;
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'word' && kind !== 'name') continue;
    const name = text.toLowerCase();
    const isCall = at(index + 1)?.text === '(' && at(index + 1)?.kind === 'other';
    const isQualified = at(index - 1)?.text === '.';
    if (CLOSED_FUNCTIONS.has(name) && isCall) return `the function ${name}()`;
    // Functions may be handed to others by their bare name, as in arrayMap(file, …) and in APPLY(file).
    if (name === 'file' && kind === 'word' && !isQualified)
      return 'the function file() (a column of that name: put its table in front)';
    const upper = word(index);
    if (upper === 'OUTFILE' && word(index - 1) === 'INTO') return 'INTO OUTFILE';
    if (upper === 'INFILE' && word(index - 1) === 'FROM') {
      files += 1;
      if (files > 1 || at(index + 1)?.text !== ownFile) return 'FROM INFILE';
    }
    if (upper === 'FROM' && verb === 'ATTACH' && at(index + 1)?.kind === 'string') return 'ATTACH … FROM a path';
    const engine = upper === 'ENGINE' && at(index + 1)?.text === '=' ? at(index + 2) : undefined;
    if (engine?.kind === 'word' && ['CREATE', 'ATTACH', 'REPLACE'].includes(verb)) {
      if (!KNOWN_ENGINES.has(engine.text.toLowerCase())) return `the engine ${engine.text}`;
    }
  }
  // A placeholder may stand for a name: {f:Identifier}.
  if (/:\s*Identifier\s*}/.test(canonical))
    for (const value of params ?? []) if (value.trim() === 'file') return 'the function file()';
  if (verb === 'BACKUP' || verb === 'RESTORE') return verb;
  return undefined;
}

/** Whether `INSERT ... VALUES` holds what is read as more than plain values: names and calls. */
export function mayNameFunctions(values: Buffer): boolean {
  return values.includes('file') || values.includes('\\');
}
