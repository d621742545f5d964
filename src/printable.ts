import { stripVTControlCharacters } from 'node:util';

/**
 * Control characters, separators of lines, and marks that turn the direction of a text: with them a text of somebody
 * else's can move the cursor, hide what stands beside it, or look like another line.
 */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\u0000-\u001F\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/g;
/** What a terminal is told by our own colours, and nothing else. */
// eslint-disable-next-line no-control-regex -- as above
const COLOR = /(\u001B\[\d{1,2}m)/;

/** A text of somebody else's on one line: escape sequences are gone, and what cannot be seen is a space. */
export function onOneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(UNPRINTABLE, ' ');
}

/** Lines for a terminal: line breaks and tabs stay, and our own colours where there are any. */
export function onLines(text: string, { colors = false }: { colors?: boolean } = {}): string {
  const plain = (piece: string) =>
    stripVTControlCharacters(piece).replaceAll(UNPRINTABLE, (sign) => (sign === '\n' || sign === '\t' ? sign : ' '));
  if (!colors) return plain(text);
  return text
    .split(COLOR)
    .map((piece, i) => (i % 2 === 1 ? piece : plain(piece)))
    .join('');
}

/** JSON text with the same signs as `\\u` escapes: it says the same, and shows it. */
export function inJson(json: string): string {
  return json.replaceAll(UNPRINTABLE, (sign) =>
    sign === '\n' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
