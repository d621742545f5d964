import { describe, expect, it } from 'vitest';
import { findRowsClause } from '../../../src/embedded/clickhouse/rows-clause.js';
import {
  hasMoreBehindSemicolon,
  isRead,
  quoteIdentifier,
  quoteLiteral,
  scanSql,
} from '../../../src/embedded/clickhouse/sql.js';

describe('scanSql', () => {
  it.each([
    ['select 1', 'SELECT', undefined],
    ['select 1 FORMAT JSONEachRow', 'SELECT', 'JSONEachRow'],
    ["select 'FORMAT CSV' format TSV settings max_threads=1;", 'SELECT', 'TSV'],
    ['-- insert\n/* drop */ select `a` # FORMAT X\n', 'SELECT', undefined],
    ["with 'it''s \\' format X' as s select $$ format Y $$, s", 'WITH', undefined],
    ['insert into t (format, values) settings a = 1 format JSONEachRow {"a": "; select"}', 'INSERT', 'JSONEachRow'],
    ["insert into t values (1, '; drop table t')", 'INSERT', undefined],
    ['insert into t select * from (select 1 format) order by 1', 'INSERT', undefined],
    ['(select 1) union all (select 2) format CSV', '(', 'CSV'],
    ['show tables', 'SHOW', undefined],
    ['', '', undefined],
    [' -- nothing', '', undefined],
  ])('%s', (sql, verb, format) => {
    expect(scanSql(sql)).toMatchObject({ verb, format });
  });

  it('sees input() only as a source', () => {
    expect(scanSql("insert into t select a from input('a String') format TSV").usesInput).toBe(true);
    expect(scanSql('insert into input (a) select file from x').usesInput).toBe(false);
  });

  it('counts SELECT words, not those in strings', () => {
    expect(scanSql("select 'select', (select 1)").selects).toBe(2);
  });

  it('takes a megabyte of quotes and an open string in no time', () => {
    const started = performance.now();
    scanSql(`select '${"''".repeat(500_000)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('findRowsClause', () => {
  // The bars stand where the settings begin (or what follows them), and around the clause itself.
  it.each([
    ['insert into t ||FORMAT TSV| 1\t2', 'TSV'],
    ['insert into t (format, values, settings) |SETTINGS a = 1, b = 2 |format JSONEachRow|\n{}', 'JSONEachRow'],
    ["insert into table format ||VALUES| ('format TSV')", undefined],
    ['insert into values (select, a) ||values|(1, 2)', undefined],
    ['insert into settings.format ||FORMAT Values|(1)', 'Values'],
    ['insert into `format` ||format `TSV`|', 'TSV'],
    ['insert into "values" -- FORMAT x\n ||FORMAT "TSV"|', 'TSV'],
    ['insert into {format:Identifier}.{values:Identifier} ||FORMAT TSV|', 'TSV'],
    ["insert into function s3('x', format) partition by (format) |settings x = 'format y' |FORMAT CSV|", 'CSV'],
    ['insert into function values(a) ||FORMAT CSV|', 'CSV'],
    ['insert /* into x format y */ into t # format z\n||FORMAT CSV| -- rows', 'CSV'],
  ])('%s', (marked, format) => {
    const [before = '', settings = '', clause = ''] = marked.split('|');
    const settingsAt = before.length;
    const formatAt = settingsAt + settings.length;
    expect(findRowsClause(marked.replaceAll('|', ''))).toEqual({
      settingsAt,
      formatAt,
      end: formatAt + clause.length,
      format,
    });
  });

  it.each([
    'select 1 format TSV',
    'insert into t select * from x format TSV',
    'insert into t (a) with 1 as values select values',
    'insert into t (select 1) format TSV',
    "insert into t from infile 'x' format TSV",
    "insert into t settings format_schema = 'format x'",
    'insert into format',
    'insert into format values_',
    'insert',
    '',
  ])('finds none: %s', (sql) => expect(findRowsClause(sql)).toBeUndefined());
});

it.each([
  ["(1, 'a; b'), (2, 'c')", false],
  ["(1, 'a') ; -- the end", false],
  ["(1, 'a'); (2, 'b')", true],
  ["(1, 'a'); select 2", true],
])('sees what follows a semicolon: %s', (text, more) => expect(hasMoreBehindSemicolon(text)).toBe(more));

describe('isRead', () => {
  it.each([
    ['select 1', true],
    ['WITH 1 as x SELECT x', true],
    ['explain select 1', true],
    ['insert into t values (1)', false],
    ['alter table t delete where 1', false],
    ['optimize table t final', false],
  ])('%s', (sql, read) => expect(isRead(scanSql(sql))).toBe(read));
});

it('quotes so that nothing ends the literal', () => {
  expect(quoteLiteral(`it's \\ "x"`)).toBe(String.raw`'it\'s \\ "x"'`);
  expect(quoteIdentifier('a`b\\c')).toBe('`a\\`b\\\\c`');
});
