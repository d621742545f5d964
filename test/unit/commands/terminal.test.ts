import { WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { alignColumns, count, createTerminal, duration } from '../../../src/commands/terminal.js';

const RED = (text: string) => `\u001B[31m${text}\u001B[39m`;

/** A stream that keeps what is written; `columns` and `isTTY` as a terminal, a pipe or a file has them. */
function streamOf(shape: { isTTY?: boolean; columns?: number }): { stream: NodeJS.WriteStream; written: () => string } {
  let text = '';
  const stream: NodeJS.WriteStream = Object.create(WriteStream.prototype, {
    write: { value: (piece: string) => ((text += piece), true) },
    isTTY: { value: shape.isTTY },
    columns: { value: shape.columns },
  });
  return { stream, written: () => text };
}

describe('a terminal is live', () => {
  it.each<[string, { isTTY?: boolean; columns?: number }, Record<string, string>, boolean, boolean]>([
    ['on a TTY', { isTTY: true, columns: 80 }, {}, true, true],
    ['without colour where NO_COLOR says so', { isTTY: true, columns: 80 }, { NO_COLOR: '1' }, true, false],
    ['with colour where NO_COLOR is empty', { isTTY: true, columns: 80 }, { NO_COLOR: '' }, true, true],
    ['not into a file', {}, {}, false, false],
    ['not on a dumb one', { isTTY: true, columns: 80 }, { TERM: 'dumb' }, false, false],
    ['not without a width', { isTTY: true }, {}, false, false],
    ['not on a narrow one', { isTTY: true, columns: 39 }, {}, false, false],
  ])('%s', (_name, shape, env, live, coloured) => {
    const terminal = createTerminal(streamOf(shape).stream, env);
    expect(!terminal.live).toBe(!live);
    expect(terminal.colors.isColorSupported).toBe(coloured);
  });
});

describe('drawing', () => {
  it('replaces the last block, keeps it below new lines, and leaves it when told to', () => {
    const { stream, written } = streamOf({ isTTY: true, columns: 80 });
    const terminal = createTerminal(stream, {});
    terminal.redraw(['a', 'b']);
    terminal.redraw(['c']);
    terminal.line('said');
    terminal.keep();
    terminal.line();
    terminal.redraw(['d']);
    expect(written()).toBe('a\nb\n\u001B[2A\u001B[0Jc\n\u001B[1A\u001B[0Jsaid\nc\n\nd\n');
  });

  it('breaks what the terminal would wrap, which takes more rows than are erased, and loses nothing', () => {
    const { stream, written } = streamOf({ isTTY: true, columns: 40 });
    const terminal = createTerminal(stream, {});
    terminal.redraw(['x'.repeat(39), 'y'.repeat(40), RED('z'.repeat(39)), RED('z'.repeat(60))]);
    terminal.redraw([`  logs: ${'word '.repeat(12).trim()}`]);
    const reset = '\u001B[0m';
    expect(written().split('\n')).toEqual([
      'x'.repeat(39),
      'y'.repeat(39),
      '  y',
      RED('z'.repeat(39)),
      `\u001B[31m${'z'.repeat(39)}${reset}`,
      `\u001B[31m  ${'z'.repeat(21)}${reset}`,
      '\u001B[6A\u001B[0J  logs: word word word word word word',
      '    word word word word word word',
      '',
    ]);
  });

  it('takes 80 columns where the stream has no width, and writes plain lines into a file', () => {
    const { stream, written } = streamOf({});
    const terminal = createTerminal(stream, {});
    terminal.line('a');
    terminal.line();
    expect(written()).toBe('a\n\n');
    terminal.redraw(['x'.repeat(100)]);
    expect(written().split('\n').slice(2)).toEqual(['x'.repeat(79), `  ${'x'.repeat(21)}`, '']);
  });
});

describe('columns', () => {
  it('are aligned, two spaces apart, numbers to the right', () => {
    const rows = [
      ['logs', '1', 'done'],
      ['clients', '20,000', ''],
    ];
    expect(alignColumns(rows, [1])).toEqual(['logs          1  done', 'clients  20,000']);
    expect(alignColumns(rows)).toEqual(['logs     1       done', 'clients  20,000']);
  });

  it('do not count what is not seen', () => {
    expect(
      alignColumns([
        [RED('a'), 'x'],
        ['bbb', 'y'],
      ]),
    ).toEqual([`${RED('a')}    x`, 'bbb  y']);
  });

  it('may be missing in some rows', () => {
    expect(alignColumns([['a'], [], ['bb', 'c']], [0])).toEqual([' a', '', 'bb  c']);
    expect(alignColumns([])).toEqual([]);
  });
});

it('writes numbers and spans of time for people', () => {
  expect([0, 999, 1_000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect(
    [0, 3_240, 9_949, 10_000, 119_000, 120_000, 7_199_000, 7_200_000, 172_799_000, 172_800_000].map(duration),
  ).toEqual(['0.0 s', '3.2 s', '9.9 s', '10 s', '119 s', '2 min', '120 min', '2.0 h', '48.0 h', '2.0 days']);
});
