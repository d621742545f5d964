import { describe, expect, it } from 'vitest';
import { documentedQueries } from '../../../bench/lib/documented-queries.js';
import { renderInto } from '../../../bench/lib/docs-render.js';
import { caseTables, verdictTable } from '../../../bench/lib/render.js';
import type { BenchReport, CaseReport } from '../../../bench/lib/report.js';
import { markdownTable, plainTable, shown } from '../../../bench/lib/table.js';
import { caseOf, runOf } from './report-lab.js';

const copy = caseOf('copy', [
  runOf('ours', { rowsPerSecond: 1000, seconds: 2 }, { worker: { peakMb: 210.4, cpuSeconds: 1.5 } }),
  runOf('ours', { rowsPerSecond: 3000, seconds: 4 }, { worker: { peakMb: 210.4, cpuSeconds: 2.5 } }),
  runOf('loop', { rowsPerSecond: 4000, seconds: 1 }),
  runOf('SELECT 1', { milliseconds: 7 }),
]);

describe('shown', () => {
  it.each([
    [12345.6, '12,346'],
    [3, '3'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.1234, '0.123'],
    [Number.NaN, 'unknown'],
  ])('writes %d as %s', (value, text) => {
    expect(shown(value)).toBe(text);
  });
});

describe('caseTables', () => {
  const [figures, others, uses] = caseTables(copy);

  it('shows median, least and most, and how many times as fast ours is', () => {
    expect(figures).toEqual({
      head: ['', 'runs', 'rows/s', 'seconds', 'ours is'],
      rows: [
        ['ours', '2', '2,000 (1,000–3,000)', '3 (2–4)', ''],
        ['loop', '1', '4,000', '1', '0.50 ×'],
      ],
    });
  });
  it('keeps what is measured otherwise apart', () => {
    expect(others).toEqual({ head: ['', 'runs', 'ms'], rows: [['SELECT 1', '1', '7']] });
  });
  it('shows what the processes have used, and leaves out subjects of which it is not known', () => {
    expect(uses).toEqual({ head: ['peak memory, CPU', 'worker'], rows: [['ours', '210 MB, 2 s']] });
  });
});

describe('tables', () => {
  it('align numbers to the right and words to the left', () => {
    expect(
      plainTable(
        ['name', 'n'],
        [
          ['ab', '1'],
          ['c', '100'],
        ],
      ),
    ).toBe('name    n\nab      1\nc     100');
  });
  it('escape what ends a cell', () => {
    expect(markdownTable({ head: ['a'], rows: [['x|y']] })).toBe('| a |\n| --- |\n| x\\|y |');
  });
  it('say what was missed', () => {
    const verdict = { what: 'speed', value: 0.5, relation: '>=', bound: 0.85, unit: '×', verdict: 'MISS' } as const;
    expect(verdictTable([verdict]).rows).toEqual([['speed', '>= 0.850 ×', '0.500 ×', 'MISS']]);
  });
});

describe('renderInto', () => {
  const report = (...cases: CaseReport[]): BenchReport => ({
    version: 1,
    machine: { cpu: 'Some CPU', cores: 2, memoryMb: 8192, platform: 'linux x64', node: 'v20.0.0', version: '1.0.0' },
    cases,
  });
  const page =
    'Before\n\n<!-- bench:copy -->\nold\n<!-- /bench -->\n\nbetween\n\n<!-- bench:other -->\nkept\n<!-- /bench -->\n';

  it('replaces what was measured and nothing else', () => {
    const rendered = renderInto(page, report(copy), ['copy', 'other']);
    expect(rendered).toContain('| ours | 2 | 2,000 (1,000–3,000) | 3 (2–4) |  |');
    expect(rendered).toContain('npm run bench -- --cases copy');
    expect(rendered).not.toContain('old');
    expect(rendered).toMatch(/^Before\n/);
    expect(rendered).toContain('between\n\n<!-- bench:other -->\nkept\n<!-- /bench -->');
  });
  it('says where a case did not come to its end', () => {
    const broken = { ...copy, error: 'interrupted' };
    expect(renderInto(page, report(broken), ['copy', 'other'])).toContain('did not come to its end');
    expect(renderInto(page, report(copy), ['copy', 'other'])).not.toContain('did not come to its end');
  });
  it('can be done again', () => {
    const once = renderInto(page, report(copy), ['copy', 'other']);
    expect(renderInto(once, report(copy), ['copy', 'other'])).toBe(once);
  });
  it('refuses a marker that no case fills', () => {
    expect(() => renderInto(page, report(copy), ['copy'])).toThrow('"other"');
  });
});

describe('documentedQueries', () => {
  it('finds blocks, commands and pipes, each query once', () => {
    const text = [
      "### Which ones\n\n```sql\nSELECT something_long_enough\nFROM auth0.logs WHERE tenant = 'acme.eu';\nCREATE TABLE x;\n```",
      'npm run cli -- query "SELECT count() FROM logs" --format Vertical',
      'echo "SELECT count() FROM logs" | curl',
    ].join('\n');
    expect(documentedQueries([text], 'mine')).toEqual([
      { name: 'Which ones', query: "SELECT something_long_enough FROM logs WHERE tenant = 'mine'" },
      { name: 'SELECT count() FROM logs', query: 'SELECT count() FROM logs' },
    ]);
  });
});
