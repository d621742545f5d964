import { array, assert, dictionary, jsonValue, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSkimmer, isCut, type SkimmedShape } from '../../../src/json/skim.js';

const skim = (text: string, shape: SkimmedShape = 'page', pieceBytes = 7): unknown => {
  const skimmer = createSkimmer(shape, 4_096);
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += pieceBytes) skimmer.add(bytes.subarray(i, i + pieceBytes));
  return JSON.parse(skimmer.text().toString());
};
const LONG = 'é"\\]}[{,'.repeat(1_000);
const CUT = '(left out by auth0-clickhouse: too large)';
const MANY = Array.from({ length: 3_000 }, (_, n) => ({ n, text: '}"' }));

describe('of a page', () => {
  it('small values stay, whatever the envelope', () => {
    for (const page of [
      [{ id: 1, a: ['x', { y: '\\"' }] }, {}, 'é'],
      { users: [{ id: 1 }], total: 3, next: 'abc' },
      { start: 0, data: [] },
      [],
    ])
      for (const pieceBytes of [1, 2, 1_000])
        expect(skim(JSON.stringify(page, null, 1), 'page', pieceBytes)).toEqual(page);
  });

  it('long values of a record go, its others stay', () => {
    const record = { text: LONG, list: MANY, deep: { a: { b: [LONG] } }, log_id: '900', [LONG]: 1, small: [1, '2'] };
    const skimmed = { text: CUT, list: CUT, deep: CUT, log_id: '900', [CUT]: 1, small: [1, '2'] };
    expect([isCut(JSON.stringify(skimmed)), isCut('{"log_id":"900"}')]).toEqual([true, false]);
    expect(skim(JSON.stringify([record, { log_id: '901' }]))).toEqual([skimmed, { log_id: '901' }]);
    expect(skim(JSON.stringify({ logs: [record], total: 1, next: 'n' }))).toEqual({
      logs: [skimmed],
      total: 1,
      next: 'n',
    });
    expect(skim(JSON.stringify(record), 'record')).toEqual(skimmed);
  });

  it('is JSON whatever it was made of', () => {
    assert(
      property(array(dictionary(string(), jsonValue())), (records) => {
        expect(skim(JSON.stringify(records))).toEqual(JSON.parse(JSON.stringify(records)));
      }),
    );
  });
});

it('takes no more memory for an endless text, and gives up where nothing of it can be left out', () => {
  const endless = createSkimmer('page', 4_096);
  endless.add(Buffer.from('[{"log_id":"1","details":"'));
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 20; i++) expect(endless.add(piece)).toBe(true);
  expect(endless.text().length).toBeLessThan(10_000);
  const tiny = createSkimmer('page', 4_096);
  tiny.add(Buffer.from('['));
  const records = Buffer.from('{},'.repeat(3_000_000));
  expect(Array.from({ length: 6 }, () => tiny.add(records)).at(-1)).toBe(false);
});
