import { expect, it } from 'vitest';
import { believedCheckpoint, setBack } from '../../../src/activities/believed.js';
import type { Checkpoint } from '../../../src/clickhouse/checkpoints.js';

const run = {
  from: 'a',
  fromId: 'a',
  fromDate: '2026-01-01T00:00:00.000Z',
  rows: 10,
  since: '2026-01-02T00:00:00.000Z',
};
const checkpoint: Checkpoint = {
  ...{ tenant: 't', resource: 'logs', epoch: 1_000, block: 3, runId: 'r', cursor: 'c', lastId: 'c', lastDate: null },
  ...{ snapshotAt: null, rowsHeld: 0, overlapRefused: false, settled: true, run },
};

/** A store that holds so many rows of the run, and so many that others have written in their place. */
function storeWith(own: number, others = 0) {
  let asked = 0;
  const store = {
    countWritten: () => {
      asked++;
      return Promise.resolve(own);
    },
    countWrittenByOthers: () => Promise.resolve(others),
  };
  return { store, asked: () => asked };
}

it.each([
  ['never', null, 0, 1],
  ['before the run that wrote it', 999, 0, 1],
  ['with that run', 1_000, -100_000, 0],
  ['about when the server was started', 64_000, 5_000, 1],
  ['since the server was started', 65_000, 5_000, 0],
])('counts where a run came to a good end %s', async (_name, lastCompleted, serverStartedAt, asked) => {
  const { store, asked: counted } = storeWith(10);
  const result = await believedCheckpoint(store, checkpoint, { lastCompleted, serverStartedAt });
  expect([counted(), result]).toEqual([asked, { checkpoint, warnings: [] }]);
});

it('goes back to where the run began where rows are missing, whoever wrote the others', async () => {
  const facts = { lastCompleted: null, serverStartedAt: 0 };
  expect(await believedCheckpoint(storeWith(6, 4).store, checkpoint, facts)).toEqual({ checkpoint, warnings: [] });
  const back = await believedCheckpoint(storeWith(6, 3).store, checkpoint, facts);
  expect(back.checkpoint).toMatchObject({ cursor: 'a', lastId: 'a', lastDate: run.fromDate, settled: false });
  expect(back.warnings.join()).toContain('9 of the 10');
});

it('has nothing to count in a checkpoint of an older version, or in one that was set back', async () => {
  const { run: _run, ...old } = checkpoint;
  for (const given of [old, setBack(checkpoint, run)]) {
    const { store, asked } = storeWith(0);
    await believedCheckpoint(store, given, { lastCompleted: null, serverStartedAt: 0 });
    expect(asked()).toBe(0);
  }
});

it('says how far back a run had come that began with the oldest log', () => {
  expect(setBack(checkpoint, { ...run, from: 'oldest', fromId: '', fromDate: null })).toMatchObject({
    cursor: 'oldest',
    lastId: '',
    lastDate: run.since,
  });
});
