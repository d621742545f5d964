import type { EmulatorSettings } from './settings.js';
import type { WireText } from './wire-text.js';

/** A page of rows and what the answer may say about it. */
export interface ListPage {
  /** What the rows are called in an object. */
  readonly key: string;
  readonly rows: readonly WireText[];
  /** Paging members in their order, `rows` standing for the rows themselves; absent when no totals are asked for. */
  readonly totals?: Readonly<Record<string, number>>;
}

/** Writes a list answer in the shape that is set. */
export function listText(
  { shape, wrongTotal }: Pick<EmulatorSettings, 'shape' | 'wrongTotal'>,
  page: ListPage,
): WireText {
  // One growing string is flattened once, when it becomes bytes; joining would copy every row a second time.
  let array = '[';
  for (const row of page.rows) array += array.length > 1 ? `,${row}` : row;
  array += ']';
  if (shape === 'array' || (shape === 'real' && page.totals === undefined)) return array;
  const said = (name: string, value: number): unknown => {
    if (name !== 'total' || wrongTotal === null) return value;
    return 'plus' in wrongTotal ? value + wrongTotal.plus : wrongTotal.instead;
  };
  const totals = Object.entries(page.totals ?? {}).map(
    ([name, value]) => `"${name}":${JSON.stringify(said(name, value) ?? null)},`,
  );
  return `{${totals.join('')}"${shape === 'data' ? 'data' : page.key}":${array}}`;
}
