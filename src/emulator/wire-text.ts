/**
 * Text whose UTF-8 bytes are held one per character ("binary string"). A page is joined from such pieces and becomes a buffer by
 * a plain copy, which is several times quicker than encoding UTF-8 for every page.
 */
export type WireText = string;

/** Members of a JSON object in order: the key unquoted, the value as its exact JSON text. */
export type Members = readonly (readonly [key: string, text: WireText])[];

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Encodes ordinary text. */
export function toWire(text: string): WireText {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Decodes to ordinary text. */
export function fromWire(text: WireText): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** The bytes that go over the wire. */
export function wireBytes(text: WireText): Buffer {
  return Buffer.from(text, 'latin1');
}

/** JSON text of a value, as wire text. */
export function jsonWire(value: unknown): WireText {
  return toWire(JSON.stringify(value));
}

/** JSON text of a string. */
export function quoteWire(text: string): WireText {
  return PLAIN.test(text) ? `"${text}"` : jsonWire(text);
}

/** Parses the JSON text of one member. Throws a SyntaxError when the text is none. */
export function parseWire(text: WireText): unknown {
  return JSON.parse(fromWire(text));
}

/** Writes members as a JSON object, values byte for byte as given. Keys are plain identifiers and need no escaping. */
export function objectText(members: Members): WireText {
  let text = '{';
  for (const [key, value] of members) text += `${text.length > 1 ? ',' : ''}"${key}":${value}`;
  return `${text}}`;
}

/** What the `fields` and `include_fields` parameters ask for. */
export interface FieldSelection {
  readonly names: ReadonlySet<string>;
  readonly include: boolean;
}

/** The members that a selection leaves; all when there is no selection. */
export function selectMembers(members: Members, selection: FieldSelection | undefined): Members {
  if (selection === undefined) return members;
  return members.filter(([key]) => selection.names.has(key) === selection.include);
}

/**
 * Cuts the text of a JSON object into its top-level members without touching the values, so that numbers keep their digits.
 * The text must be a JSON object without whitespace between its tokens, as all of this tenant's are.
 */
export function splitMembers(text: WireText): Members {
  const members: [string, WireText][] = [];
  let position = 1;
  while (position < text.length - 1) {
    const keyEnd = text.indexOf('"', position + 1);
    const valueEnd = endOfValue(text, keyEnd + 2);
    members.push([text.slice(position + 1, keyEnd), text.slice(keyEnd + 2, valueEnd)]);
    position = valueEnd + 1;
  }
  return members;
}

function endOfValue(text: WireText, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let position = start; position < text.length; position++) {
    const character = text[position];
    if (quoted) {
      if (character === '\\') position++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      if (depth === 0) return position;
      depth--;
    } else if (character === ',' && depth === 0) return position;
  }
  return text.length;
}
