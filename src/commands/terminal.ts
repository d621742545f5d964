import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { onLines } from '../printable.js';

/** Where a command writes for people. Results for scripts go to stdout by themselves. */
export interface Terminal {
  readonly colors: ReturnType<typeof picocolors.createColors>;
  /** Whether lines can be drawn again in place. */
  readonly live: boolean;
  /** Columns of the terminal; Infinity where it is none, as in a file. */
  readonly width: number;
  line(text?: string): void;
  /** Draws a block in place of the last one; the next `line` goes below what then stands there. Only when `live`. */
  redraw(lines: readonly string[]): void;
  /** Leaves the drawn block as it is: what comes next goes below it. */
  keep(): void;
}

/** A terminal on a stream. Without a TTY there is no colour and nothing is drawn twice, so that a file stays readable. */
export function createTerminal(
  stream: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  const live = (stream.columns ?? 0) >= 40 && env['TERM'] !== 'dumb' && stream.isTTY;
  const isColored = live && (env['NO_COLOR'] ?? '') === '';
  const colors = picocolors.createColors(isColored);
  /** The one place through which everything goes that a person reads: texts of tenants and servers stand in it. */
  const shown = (text: string): string => onLines(text, { colors: isColored });
  let drawn = 0;
  const erase = (): string => (drawn > 0 ? `\u001B[${drawn}A\u001B[0J` : '');
  let block: readonly string[] = [];

  return {
    colors,
    live,
    get width() {
      return live ? (stream.columns ?? 80) : Infinity;
    },
    line(text = '') {
      const again = block.map((row) => `${row}\n`).join('');
      stream.write(`${erase()}${shown(text)}\n${again}`);
    },
    redraw(lines) {
      // A line that the terminal wraps would take more rows than are erased.
      const width = (stream.columns ?? 80) - 1;
      const rows = lines.flatMap((row) => wrap(shown(row).replaceAll('\n', ' '), width));
      stream.write(`${erase()}${rows.map((row) => `${row}\n`).join('')}`);
      block = rows;
      drawn = rows.length;
    },
    keep() {
      block = [];
      drawn = 0;
    },
  };
}

/** A line in pieces that fit, at blanks where there are some; the colour of the whole is on each, and none is lost. */
export function wrap(row: string, width: number): string[] {
  const plain = stripVTControlCharacters(row);
  if (plain.length <= width) return [row];
  const open = row.slice(0, row.indexOf(plain.charAt(0)));
  const close = open === '' ? '' : '\u001B[0m';
  const indent = `${/^ */.exec(plain)?.[0] ?? ''}  `;
  const pieces: string[] = [];
  let rest = plain;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    const at = blank > indent.length ? blank : width;
    pieces.push(rest.slice(0, at));
    rest = indent + rest.slice(at).trimStart();
  }
  return [...pieces, rest].map((piece) => `${open}${piece}${close}`);
}

/** Rows as aligned columns, two spaces apart; numbers (`right` columns) to the right. */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const visible = (text: string) => stripVTControlCharacters(text).length;
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, visible(cell))));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] ?? 0) - visible(cell));
        return right.includes(i) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A number with thousands separators. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A span of time in words, e.g. `3.2 s`, `4 min`, `2.5 days`. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}
