const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What is left of the text is at most this long, bytes. */
const LONGEST_REST = 32 * 1024 * 1024;
/** More than this is not read at all, bytes. */
const MOST_READ = 256 * 1024 * 1024;

/** What stands in the place of a value that was left out. */
const LEFT_OUT = '"(left out by auth0-clickhouse: too large)"';

/** Whether something was left out of a skimmed text, or a piece of one. */
export function isCut(text: string): boolean {
  return text.includes(LEFT_OUT);
}

/** What a text is: a page, whose records lie in a list, or one record. */
export type SkimmedShape = 'page' | 'record';

/** Reads a JSON text of any length in pieces, and keeps it without its large values. */
export interface Skimmer {
  /** Takes the next piece. False: there is no use in more, the text is too large even without its large values. */
  add(piece: Uint8Array): boolean;
  /** The text so far, with a word in the place of what was left out: see {@link isCut}. */
  text(): Buffer;
}

/**
 * A skimmer: the memory that it takes does not depend on what it reads. What it gives of a JSON text is JSON, with the
 * keys, positions and counts by which a record that is too large can be named and passed. Strings, and lists and objects
 * inside of a record, of more than `longest` bytes are left out.
 */
export function createSkimmer(shape: SkimmedShape, longest: number): Skimmer {
  let out = Buffer.allocUnsafe(64 * 1024);
  let length = 0;
  let read = 0;
  let depth = 0;
  /** Depth inside of a record: known with the first bracket of a page. */
  let recordDepth = shape === 'record' ? 1 : 0;
  let inString = false;
  let escaped = false;
  let stringStart = 0;
  let isLongString = false;
  /** Where the value of a record that is being read begins; -1 outside of one. */
  let valueStart = -1;
  let isLongValue = false;

  const push = (byte: number): void => {
    if (length === out.length) out = Buffer.concat([out], out.length * 2);
    out[length++] = byte;
  };
  const replace = (start: number, by: string): void => {
    length = start;
    for (const byte of Buffer.from(by)) push(byte);
  };

  const inside = (byte: number): void => {
    if (!isLongValue && !isLongString) {
      push(byte);
      if (length - stringStart > longest) isLongString = true;
    }
    if (escaped) escaped = false;
    else if (byte === BACKSLASH) escaped = true;
    else if (byte === QUOTE) {
      inString = false;
      if (isLongString && !isLongValue) replace(stringStart, LEFT_OUT);
      isLongString = false;
    }
  };

  const outside = (byte: number): void => {
    const opens = byte === OPEN_BRACE || byte === OPEN_BRACKET;
    if (opens) {
      if (recordDepth === 0) recordDepth = byte === OPEN_BRACKET ? 2 : 3;
      if (depth === recordDepth && valueStart < 0) valueStart = length;
      depth++;
    }
    if (byte === QUOTE) {
      inString = true;
      stringStart = length;
    }
    if (!isLongValue) push(byte);
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth !== recordDepth || valueStart < 0) return;
      if (isLongValue) replace(valueStart, LEFT_OUT);
      valueStart = -1;
      isLongValue = false;
    }
  };

  return {
    add(piece) {
      read += piece.length;
      for (const byte of piece) {
        if (inString) inside(byte);
        else outside(byte);
        if (valueStart >= 0 && length - valueStart > longest) isLongValue = true;
      }
      return length <= LONGEST_REST && read <= MOST_READ;
    },
    text: () => out.subarray(0, length),
  };
}

/** The text of a record without its values of more than `longest` bytes. */
export function skimRecord(text: string, longest: number): string {
  const skimmer = createSkimmer('record', longest);
  skimmer.add(Buffer.from(text));
  return skimmer.text().toString();
}
