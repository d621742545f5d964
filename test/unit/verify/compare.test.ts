import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIds, compareOrdered, type Entry, type Verdict } from '../../../src/verify/compare.js';

const id = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => `900${String(n).padStart(4, '0')}`) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9]{1,3}$/) },
);
const digest = fc.constantFrom('a', 'b');
const entry = fc.record({ id, digest });
const sorted = (entries: Entry[]) => entries.toSorted((a, b) => compareIds(a.id, b.id));
const source = fc.uniqueArray(entry, { selector: (one) => one.id, maxLength: 40 }).map((all) => sorted(all));
const held = fc.array(entry, { maxLength: 40 }).map((all) => sorted(all));

async function* stream(entries: readonly Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}

async function verdicts(from: readonly Entry[], rows: readonly Entry[]): Promise<Verdict<Entry>[]> {
  const all: Verdict<Entry>[] = [];
  for await (const verdict of compareOrdered(from, stream(rows))) all.push(verdict);
  return all;
}

const lines = (all: Verdict<Entry>[]) =>
  all.map((verdict) => `${verdict.kind} ${verdict.kind === 'extra' ? verdict.id : verdict.source.id}`);

/** The same by maps: the first row of an id is the one that counts, each further one is too much. */
function naive(from: readonly Entry[], rows: readonly Entry[]): string[] {
  const result: string[] = [];
  const names = new Set(from.map((record) => record.id));
  for (const record of from) {
    const row = rows.find((one) => one.id === record.id);
    if (row === undefined) result.push(`missing ${record.id}`);
    else result.push(`${row.digest === record.digest ? 'equal' : 'different'} ${record.id}`);
  }
  const first = new Set<string>();
  for (const row of rows) {
    if (!names.has(row.id) || first.has(row.id)) result.push(`extra ${row.id}`);
    first.add(row.id);
  }
  return result.sort();
}

describe('compareOrdered', () => {
  it('finds what a comparison of sets finds', async () => {
    await fc.assert(
      fc.asyncProperty(source, held, async (from, rows) => {
        expect(lines(await verdicts(from, rows)).sort()).toEqual(naive(from, rows));
      }),
      { numRuns: 500 },
    );
  });

  it('finds a copy equal, and one id less on either side', async () => {
    await fc.assert(
      fc.asyncProperty(source, fc.nat(), async (from, at) => {
        expect(lines(await verdicts(from, from))).toEqual(from.map((one) => `equal ${one.id}`));
        const gone = from[at % Math.max(from.length, 1)];
        if (gone === undefined) return;
        const less = from.filter((one) => one !== gone);
        expect(lines(await verdicts(from, less))).toContain(`missing ${gone.id}`);
        expect(lines(await verdicts(less, from))).toContain(`extra ${gone.id}`);
      }),
    );
  });

  it('calls the second row of an id too much', async () => {
    const one = { id: '1', digest: 'a' };
    expect(lines(await verdicts([one], [one, one]))).toEqual(['equal 1', 'extra 1']);
  });

  it('proves nothing from streams that are not in order', async () => {
    const [a, b] = [
      { id: '1', digest: '' },
      { id: '2', digest: '' },
    ];
    await expect(verdicts([b, a], [])).rejects.toThrow('The source was not read in the order of its ids, at 1');
    await expect(verdicts([a, a], [])).rejects.toThrow('The source');
    await expect(verdicts([], [b, a])).rejects.toThrow('The destination was not read in the order of its ids, at 1');
    await expect(verdicts([a, b], [b, a])).rejects.toThrow('The destination');
  });
});

describe('compareIds', () => {
  it('is the order of the numbers for digits without leading zeros, however many', () => {
    const digits = fc.stringMatching(/^[1-9][0-9]{0,60}$/);
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [x, y] = [BigInt(a), BigInt(b)];
        expect(Math.sign(compareIds(a, b))).toBe(x < y ? -1 : x > y ? 1 : 0);
      }),
    );
  });
});
