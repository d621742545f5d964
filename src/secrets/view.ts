/** Borders of a piece of text: `[start, end)`. */
export interface Span {
  start: number;
  end: number;
}

/** A text without one kind of escapes, and where its pieces stand in the text that it was made from. */
export interface TextView {
  text: string;
  /** The piece of the source that a piece of the view was made from. */
  toSource(span: Span): Span;
}

/** Undoes the escapes of a JSON string: of the text between its quotes. Null where it has none. */
export function unescaped(text: string): TextView | null {
  if (!text.includes('\\')) return null;
  return viewOf(text, /\\(?:u([\da-fA-F]{4})|([\s\S]))/g, (hex, letter) =>
    hex === undefined ? (CONTROLS[letter ?? ''] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** Undoes the percent-encoding of ASCII characters. Null where there is none. */
export function percentDecoded(text: string): TextView | null {
  if (!text.includes('%')) return null;
  return viewOf(text, /%([0-7][\da-fA-F])/g, (hex) => String.fromCharCode(Number.parseInt(hex ?? '', 16)));
}

/** Undoes the entities of HTML that quotes and ampersands are written with. Null where there are none. */
export function entitiesDecoded(text: string): TextView | null {
  if (!text.includes('&')) return null;
  return viewOf(text, /&(quot|apos|amp|lt|gt|#34|#39|#x22|#x27);/g, (name) => ENTITIES[name ?? '']);
}

const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  amp: '&',
  lt: '<',
  gt: '>',
  '#34': '"',
  '#39': "'",
  '#x22': '"',
  '#x27': "'",
};

function viewOf(
  source: string,
  pattern: RegExp,
  decode: (first: string | undefined, second: string | undefined) => string | undefined,
): TextView | null {
  // Of each escape the place of the character that it stands for, and by how much the source is longer up to its end.
  const places: number[] = [];
  const shifts: number[] = [];
  let text = '';
  let from = 0;
  for (const match of source.matchAll(pattern)) {
    const [whole, first, second] = match;
    const decoded = decode(first, second);
    if (decoded === undefined) continue;
    text += source.slice(from, match.index) + decoded;
    from = match.index + whole.length;
    places.push(text.length - 1);
    shifts.push(from - text.length);
  }
  if (places.length === 0) return null;
  text += source.slice(from);
  const sourceOf = (at: number): number => {
    // The escapes before this place.
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return at + (low === 0 ? 0 : (shifts[low - 1] ?? 0));
  };
  return { text, toSource: ({ start, end }) => ({ start: sourceOf(start), end: sourceOf(end) }) };
}
