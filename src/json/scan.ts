/**
 * Finds the borders of values in JSON text without changing a byte of them. `JSON.parse` would lose what a warehouse
 * wants kept: 24-digit integers, `1.10`, escapes, duplicate keys. The scanner checks only what it needs to find a
 * border; callers parse each slice as well, which proves that it is JSON.
 */

/** The text is no JSON, or not of the shape asked for. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
}

/** The text holds more than the memory takes: more elements of a list, or more values in all. */
export class JsonTooLargeError extends JsonTextError {}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Index of the first character at or after `i` that is no JSON white space. */
export function skipSpace(text: string, i: number): number {
  for (;;) {
    const c = text.charCodeAt(i);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i;
    i++;
  }
}

/** Index after the string that opens at `i`. Throws {@link JsonTextError} where it does not end. */
export function skipString(text: string, i: number): number {
  let end = i;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) throw new JsonTextError('a string does not end');
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** Index after the value that starts at `i`. Throws {@link JsonTextError} where it does not end. */
export function skipValue(text: string, i: number): number {
  const first = text.charCodeAt(i);
  if (first === QUOTE) return skipString(text, i);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipScalar(text, i);
  let depth = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++;
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return i + 1;
    }
    i++;
  }
  throw new JsonTextError('a value does not end');
}

function skipScalar(text: string, i: number): number {
  const start = i;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c === COMMA || c === CLOSE_BRACE || c === CLOSE_BRACKET || c <= 0x20) break;
    i++;
  }
  if (i === start) throw new JsonTextError('a value is missing');
  return i;
}

/** Borders of a value: `[start, end)`. */
export interface Span {
  start: number;
  end: number;
}

/** Throws {@link JsonTooLargeError} for a text of more values than `most`: each costs up to 20 times its own text. */
export function boundValues(text: string, most: number): void {
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = skipString(text, i) - 1;
    else if (c === COMMA || c === OPEN_BRACE || c === OPEN_BRACKET) values++;
    if (values > most) throw new JsonTooLargeError(`more than ${most} values`);
  }
}

/**
 * Elements of the array that opens at `i`, and the index after it. Throws {@link JsonTooLargeError} where there are more
 * than `most`.
 */
export function elements(text: string, i: number, most = Infinity): { items: Span[]; end: number } {
  if (text.charCodeAt(i) !== OPEN_BRACKET) throw new JsonTextError('not an array');
  const items: Span[] = [];
  let at = skipSpace(text, i + 1);
  if (text.charCodeAt(at) === CLOSE_BRACKET) return { items, end: at + 1 };
  for (;;) {
    const end = skipValue(text, at);
    items.push({ start: at, end });
    if (items.length > most) throw new JsonTooLargeError(`more than ${most} records`);
    const after = skipSpace(text, end);
    const c = text.charCodeAt(after);
    if (c === CLOSE_BRACKET) return { items, end: after + 1 };
    if (c !== COMMA) throw new JsonTextError('an array is cut off or broken');
    at = skipSpace(text, after + 1);
  }
}

/** A member of an object: its name, and the borders of the whole member and of its value. */
export interface Member extends Span {
  name: string;
  valueStart: number;
}

/**
 * Members of the object that opens at `i` in order, duplicates included, and the index after it. Throws
 * {@link JsonTooLargeError} where there are more than `most`.
 */
export function members(text: string, i: number, most = Infinity): { items: Member[]; end: number } {
  const items: Member[] = [];
  const end = eachMember(text, i, (start, nameEnd, valueStart, memberEnd) => {
    if (items.length >= most) throw new JsonTooLargeError(`more than ${most} members`);
    items.push({ name: parseName(text.slice(start, nameEnd)), start, valueStart, end: memberEnd });
  });
  return { items, end };
}

/**
 * Goes through the members of the object that opens at `i`: where its quoted name begins and ends, where its value does.
 * Returns the index after the object.
 */
function eachMember(
  text: string,
  i: number,
  visit: (start: number, nameEnd: number, valueStart: number, end: number) => void,
): number {
  if (text.charCodeAt(i) !== OPEN_BRACE) throw new JsonTextError('not an object');
  let at = skipSpace(text, i + 1);
  if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1;
  for (;;) {
    if (text.charCodeAt(at) !== QUOTE) throw new JsonTextError('an object is cut off or broken');
    const nameEnd = skipString(text, at);
    const colon = skipSpace(text, nameEnd);
    if (text.charCodeAt(colon) !== COLON) throw new JsonTextError('an object is cut off or broken');
    const valueStart = skipSpace(text, colon + 1);
    const end = skipValue(text, valueStart);
    visit(at, nameEnd, valueStart, end);
    const after = skipSpace(text, end);
    const c = text.charCodeAt(after);
    if (c === CLOSE_BRACE) return after + 1;
    if (c !== COMMA) throw new JsonTextError('an object is cut off or broken');
    at = skipSpace(text, after + 1);
  }
}

/** Exact text of the member at a path; of duplicates the last one, as JSON.parse has it. Undefined where there is none. */
export function memberText(text: string, path: readonly string[]): string | undefined {
  let at = skipSpace(text, 0);
  let end = at;
  for (const name of path) {
    if (text.charCodeAt(at) !== OPEN_BRACE) return undefined;
    let found = -1;
    eachMember(text, at, (start, nameEnd, valueStart, memberEnd) => {
      if (!isNamed(text, start, nameEnd, name)) return;
      found = valueStart;
      end = memberEnd;
    });
    if (found < 0) return undefined;
    at = found;
  }
  return text.slice(at, end);
}

/** Whether the quoted name at `[start, end)` says `name`, which holds neither quotes nor backslashes. */
function isNamed(text: string, start: number, end: number, name: string): boolean {
  const units = end - start - 2;
  if (units === name.length) return text.startsWith(name, start + 1);
  // Escapes make a name longer, never shorter.
  return units > name.length && parseName(text.slice(start, end)) === name;
}

function parseName(quoted: string): string {
  // Most names are what stands between the quotes; a control character makes it no JSON, which the caller's parse finds.
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new JsonTextError('a name is no JSON string');
  }
}
