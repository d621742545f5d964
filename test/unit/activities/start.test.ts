import { describe, expect, it } from 'vitest';
import {
  type LogsFacts,
  startOfClients,
  startOfLogs,
  startOfUsers,
  type UsersFacts,
} from '../../../src/activities/start.js';
import { FIRST_CLIENTS_PAGE, FIRST_USERS_PAGE } from '../../../src/contracts/cursor.js';
import { ExtractError } from '../../../src/contracts/errors.js';

const id = (n: number) => `90020260102030405${String(n).padStart(39, '0')}`;
const DATE = '2026-01-02T03:04:05.678Z';

describe('logs', () => {
  const facts: LogsFacts = {
    from: undefined,
    checkpoint: null,
    held: false,
    newest: null,
    configured: 'oldest',
    lastCursor: undefined,
    overlapMs: 0,
    lastCompleted: null,
    now: Date.parse(DATE) + 3_600_000,
    retentionMs: null,
  };
  const checkpoint = { cursor: id(5), lastId: id(5), lastDate: DATE, overlapRefused: false };
  const newest = { logId: id(3), date: '2026-01-02T03:04:03.000Z' };
  const fresh = { from: null, start: 'oldest', logId: null, date: null };
  const behindNewest = { from: id(3), start: id(3), logId: id(3), date: newest.date };
  const atCheckpoint = { from: id(5), start: id(5), logId: id(5), date: DATE };

  it.each<[string, Partial<LogsFacts>, object, RegExp | null]>([
    ['a first run: at the oldest log', {}, fresh, null],
    ['a first run with a setting: there', { configured: '2026-01-01' }, { ...fresh, start: '2026-01-01' }, null],
    ['behind the checkpoint whose log is held', { checkpoint, held: true }, atCheckpoint, null],
    [
      'behind the checkpoint, whatever is newest, where its log is held',
      { checkpoint, held: true, newest },
      atCheckpoint,
      null,
    ],
    [
      'behind an opaque cursor, with the log that it stands for',
      { checkpoint: { ...checkpoint, cursor: 'Fe26.2*x' }, held: true },
      { from: 'Fe26.2*x', start: 'Fe26.2*x', logId: id(5), date: DATE },
      null,
    ],
    [
      'behind a checkpoint that knows no log',
      {
        checkpoint: { cursor: id(1), lastId: '', lastDate: null, overlapRefused: false },
        lastCompleted: Date.parse(DATE),
      },
      { from: id(1), start: id(1), logId: null, date: null },
      null,
    ],
    ['from the beginning where the tables were emptied', { checkpoint }, fresh, /starting over/],
    [
      'from the configured beginning where the tables were emptied',
      { checkpoint, configured: '2026-01-01' },
      { ...fresh, start: '2026-01-01' },
      /starting over/,
    ],
    [
      'behind a checkpoint that was imported, though nothing is held: whether its log is still kept is asked',
      { checkpoint: { ...checkpoint, imported: true }, overlapMs: 30_000, lastCompleted: Date.parse(DATE) },
      { ...atCheckpoint, phase: 'check', resume: id(5), recent: false, gap: null },
      /imported/,
    ],
    [
      'behind an imported checkpoint that is ahead of the table: what lies between them becomes a gap',
      { checkpoint: { ...checkpoint, imported: true }, newest },
      { ...atCheckpoint, gap: { from: id(3), fromDate: newest.date, reason: expect.stringContaining('imported') } },
      /imported/,
    ],
    [
      'behind an imported checkpoint like behind any other once its log is held',
      { checkpoint: { ...checkpoint, imported: true }, held: true },
      { ...atCheckpoint, phase: 'follow' },
      null,
    ],
    ['behind the newest log where the tables were restored', { checkpoint, newest }, behindNewest, /going back/],
    ['behind the newest log where the checkpoints are gone', { newest }, behindNewest, /no checkpoint/],
    ['a warning where the last result is ahead', { checkpoint, held: true, lastCursor: id(9) }, atCheckpoint, /behind/],
    ['no warning where it is the same', { checkpoint, held: true, lastCursor: id(5) }, atCheckpoint, null],
    ['no warning where it is older', { checkpoint, held: true, lastCursor: id(4) }, atCheckpoint, null],
    ['a warning where there was a result and nothing is left', { lastCursor: id(4) }, fresh, /behind/],
    ['an instant that was asked for', { from: '2026-01-31' }, { ...fresh, start: '2026-01-31T00:00:00.000Z' }, null],
    [
      'an instant with its offset',
      { from: '2026-01-31T12:00:00+02:00' },
      { ...fresh, start: '2026-01-31T10:00:00.000Z' },
      null,
    ],
    ['the oldest that was asked for', { from: 'oldest', configured: '2026-01-01' }, fresh, null],
    ['a log that was asked for', { from: id(2) }, { ...fresh, from: id(2), start: id(2) }, null],
    [
      'what was asked for before everything else',
      { from: id(2), checkpoint, held: true, newest, lastCursor: id(9) },
      { ...fresh, from: id(2), start: id(2) },
      null,
    ],
  ])('%s', (_name, given, cursor, warning) => {
    const start = startOfLogs({ ...facts, ...given });
    expect(start).toMatchObject({ mode: 'logs', cursor: { kind: 'logs', ...cursor } });
    expect(start.warnings).toHaveLength(warning === null ? 0 : 1);
    if (warning !== null) expect(start.warnings[0]).toMatch(warning);
  });

  it('looks a little behind the cursor where its id tells the time, unless the tenant has refused that', () => {
    const given = { ...facts, checkpoint, held: true, overlapMs: 30_000 };
    const overlap = { phase: 'overlap', from: `90020260102030335${'0'.repeat(39)}`, resume: id(5), logId: id(5) };
    expect(startOfLogs(given).cursor).toMatchObject(overlap);
    const refused = { ...given, checkpoint: { ...checkpoint, overlapRefused: true } };
    expect(startOfLogs(refused).cursor).toMatchObject({ phase: 'follow', from: id(5), overlapRefused: true });
    const opaque = { ...given, checkpoint: { ...checkpoint, lastId: 'abc' } };
    expect(startOfLogs(opaque).cursor).toMatchObject({ phase: 'follow', from: id(5) });
  });

  it.each<[string, Partial<LogsFacts>, string]>([
    ['young', {}, 'follow'],
    ['a day old', { now: Date.parse(DATE) + 24 * 3_600_000 }, 'check'],
    [
      'old, but the end was reached lately',
      { now: Date.parse(DATE) + 9e8, lastCompleted: Date.parse(DATE) + 9e8 - 60_000 },
      'follow',
    ],
    [
      'old, and the end was reached long ago',
      { now: Date.parse(DATE) + 9e8, lastCompleted: Date.parse(DATE) + 1e8 },
      'check',
    ],
    ['older than a retention below a day', { retentionMs: 1_000_000 }, 'check'],
  ])('asks whether events were lost where no overlap can tell and the cursor is %s', (_what, given, phase) => {
    expect(startOfLogs({ ...facts, checkpoint, held: true, ...given }).cursor).toMatchObject({
      phase,
      resume: phase === 'check' ? id(5) : null,
    });
  });

  it('looks back until the window has passed by the clock of the destination, once more, and then no longer', () => {
    const at = (ageMs: number, settled = false) =>
      startOfLogs({ ...facts, checkpoint: { ...checkpoint, ageMs, settled }, held: true, overlapMs: 30_000 }).cursor;
    expect(at(29_999)).toMatchObject({ phase: 'overlap' });
    expect(at(29_999)).not.toHaveProperty('looksBackLast');
    expect(at(30_000)).toMatchObject({ phase: 'overlap', looksBackLast: true });
    expect(at(30_000, true)).toMatchObject({ phase: 'follow', from: id(5), resume: null });
    expect(at(30_000, true)).not.toHaveProperty('looksBackLast');
    // Whatever any other clock says.
    for (const now of [0, Date.parse(DATE) - 7_200_000, Date.parse(DATE) + 7_200_000])
      expect(
        startOfLogs({ ...facts, now, checkpoint: { ...checkpoint, ageMs: 5 }, held: true, overlapMs: 30_000 }).cursor,
      ).not.toHaveProperty('looksBackLast');
  });

  it('looks back again behind the newest log of a table whose checkpoint is not held', () => {
    const given = { ...facts, checkpoint: { ...checkpoint, settled: true }, newest, overlapMs: 30_000 };
    expect(startOfLogs(given).cursor).toMatchObject({ phase: 'overlap', resume: newest.logId });
  });

  it.each(['oldest', '2026-01-01T00:00:00.000Z'])(
    'begins at %s again where the run that began there has lost rows',
    (cursor) => {
      const setBack = { cursor, lastId: '', lastDate: DATE, overlapRefused: false };
      const start = startOfLogs({ ...facts, checkpoint: setBack, newest });
      expect(start.cursor).toMatchObject({
        phase: 'find',
        start: cursor,
        gap: { from: '', fromDate: DATE, unlessKept: true },
        began: { from: cursor, logId: '' },
      });
      expect(start.warnings).toHaveLength(1);
    },
  );

  it('remembers where it began', () => {
    expect(startOfLogs({ ...facts, checkpoint, held: true, overlapMs: 30_000 }).cursor).toMatchObject({
      began: { from: id(5), logId: id(5), date: DATE },
    });
    expect(startOfLogs(facts).cursor).toMatchObject({ began: { from: 'oldest', logId: '', date: null } });
  });

  it('remembers what a start ahead of the checkpoint leaves out, and nothing for one behind it', () => {
    const given = { ...facts, checkpoint, held: true };
    const gap = { from: id(5), fromDate: DATE, reason: expect.stringContaining('left out') };
    for (const from of [id(9), '2026-03-01']) expect(startOfLogs({ ...given, from }).cursor).toMatchObject({ gap });
    for (const from of [id(4), '2026-01-01', 'oldest'])
      expect(startOfLogs({ ...given, from }).cursor).toMatchObject({ gap: null });
  });

  it.each(['', 'yesterday', '2026', '2026-13-01', '9999-01-01', 'short', '9'.repeat(129), "x' OR 1=1 --aaaaaa"])(
    'refuses to start at %j',
    (from) => {
      expect(() => startOfLogs({ ...facts, from })).toThrow(ExtractError);
    },
  );
});

describe('users', () => {
  const HOUR = 3_600_000;
  const now = Date.UTC(2026, 0, 2, 12);
  const facts: UsersFacts = {
    from: undefined,
    full: false,
    checkpoint: { cursor: '2026-01-02T11:00:00.000Z', snapshotAt: '2026-01-02T06:00:00.000Z', rowsHeld: 10 },
    held: 10,
    snapshotIntervalMs: 24 * HOUR,
    now,
  };
  const { checkpoint } = facts;
  const snapshot = { mode: 'users-pages', cursor: FIRST_USERS_PAGE };
  const changed = (since: string) => ({
    mode: 'users-changed',
    cursor: { kind: 'users-changed', since, page: 0, perPage: 100 },
  });

  it.each<[string, Partial<UsersFacts>, object, number]>([
    ['those that changed since the watermark', {}, changed('2026-01-02T11:00:00.000Z'), 0],
    ['those that changed although there are more now', { held: 12 }, changed('2026-01-02T11:00:00.000Z'), 0],
    ['a snapshot on a first run', { checkpoint: null, held: 0 }, snapshot, 0],
    ['a snapshot when one is asked for', { full: true, from: '2026-01-01' }, snapshot, 0],
    [
      'a snapshot where none was ever complete',
      { checkpoint: checkpoint && { ...checkpoint, snapshotAt: null } },
      snapshot,
      0,
    ],
    ['a snapshot when the last one is old', { snapshotIntervalMs: 6 * HOUR }, snapshot, 0],
    ['no snapshot a moment before', { snapshotIntervalMs: 6 * HOUR + 1 }, changed('2026-01-02T11:00:00.000Z'), 0],
    ['a snapshot each time where the interval is 0', { snapshotIntervalMs: 0 }, snapshot, 0],
    ['a snapshot where rows are missing, and says so', { held: 9 }, snapshot, 1],
    [
      'a snapshot where the watermark is unreadable',
      { checkpoint: checkpoint && { ...checkpoint, cursor: '' } },
      snapshot,
      0,
    ],
    ['from what was asked for', { from: '2026-01-01' }, changed('2026-01-01T00:00:00.000Z'), 0],
    [
      'from the watermark where later was asked for',
      { from: '2026-01-02T11:30:00Z' },
      changed('2026-01-02T11:00:00.000Z'),
      0,
    ],
    [
      'from what was asked for on a first run',
      { from: '2026-01-01', checkpoint: null },
      changed('2026-01-01T00:00:00.000Z'),
      0,
    ],
  ])('%s', (_name, given, expected, warnings) => {
    const start = startOfUsers({ ...facts, ...given });
    expect(start).toMatchObject(expected);
    expect(start.warnings).toHaveLength(warnings);
  });

  it('have no log ids to start from', () => {
    for (const from of [id(1), 'oldest', '', 'auth0|1'])
      expect(() => startOfUsers({ ...facts, from })).toThrow(ExtractError);
  });
});

it('clients begin anew each time', () => {
  expect(startOfClients()).toEqual({ mode: 'clients', cursor: FIRST_CLIENTS_PAGE, warnings: [] });
});
