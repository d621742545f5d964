import { describe, expect, it } from 'vitest';
import { refusedWord } from '../../../src/embedded/clickhouse/guard.js';

// What is given here is what formatQuery makes: test/e2e/embedded-doors.test.ts goes through the engine.
describe('refusedWord', () => {
  it.each([
    ["SELECT file('/etc/passwd')", 'the function file()'],
    ['SELECT arrayMap(file, [1])', 'the function file() (a column of that name: put its table in front)'],
    ['SELECT * APPLY(file) FROM t', 'the function file() (a column of that name: put its table in front)'],
    ["SELECT * FROM eval('SELECT 1')", 'the function eval()'],
    ["SELECT * FROM `executable`('x', TSV, 'a String')", 'the function executable()'],
    ["SELECT 1 INTO OUTFILE '/x' FORMAT CSV", 'INTO OUTFILE'],
    ["INSERT INTO t FROM INFILE '/x' FORMAT CSV", 'FROM INFILE'],
    ["ATTACH TABLE t FROM '/x' (`a` String) ENGINE = MergeTree", 'ATTACH … FROM a path'],
    ["CREATE TABLE t (`a` String) ENGINE = FileLog('/x', 'CSV')", 'the engine FileLog'],
    ['CREATE TABLE t (`a` String) ENGINE = MergeTree SETTINGS disk = disk(type = local)', 'the function disk()'],
    ['BACKUP TABLE t TO Memory(1)', 'BACKUP'],
  ])('refuses %s', (sql, what) => expect(refusedWord(sql)).toBe(what));

  it.each([
    "SELECT 'file(1) INTO OUTFILE' AS `INTO`, t.file, `file(`, filename FROM t",
    'CREATE TABLE t (`file` String, `x` String) ENGINE = ReplacingMergeTree ORDER BY tuple()',
    'SELECT disk, engine FROM system.parts',
    'ATTACH TABLE t',
    "SELECT * FROM system.tables WHERE engine = 'File'",
  ])('lets pass %s', (sql) => expect(refusedWord(sql)).toBeUndefined());

  it('lets INFILE name one file only, the one with the rows', () => {
    const ownFile = "'rows'";
    expect(refusedWord("INSERT INTO t FROM INFILE 'rows' FORMAT CSV", { ownFile })).toBeUndefined();
    expect(refusedWord("INSERT INTO t FROM INFILE 'rows2' FORMAT CSV", { ownFile })).toBe('FROM INFILE');
  });

  it('looks at what stands for a name', () => {
    const sql = 'SELECT arrayMap({f:Identifier}, [1])';
    expect(refusedWord(sql, { params: ['lower'] })).toBeUndefined();
    expect(refusedWord(sql, { params: ['file'] })).toBe('the function file()');
  });
});
