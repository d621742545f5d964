import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyTable } from '../../../src/verify/key-table.js';

describe('a table of keys', () => {
  it('answers as a map does', () => {
    const key = fc.string({ minLength: 0, maxLength: 3 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, fingerprint: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      fc.record({ do: fc.constant('mark' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = createKeyTable();
        const map = new Map<string, bigint>();
        const marks = new Set<string>();
        for (const one of steps) {
          if (one.do === 'add') {
            expect(table.add(one.key, one.fingerprint)).toBe(!map.has(one.key));
            if (!map.has(one.key)) map.set(one.key, one.fingerprint);
          } else {
            expect(table.mark(one.key)).toBe(map.has(one.key) && !marks.has(one.key));
            if (map.has(one.key)) marks.add(one.key);
          }
          expect(table.get(one.key)).toBe(map.get(one.key));
          expect(table.isMarked(one.key)).toBe(marks.has(one.key));
        }
        expect([table.size, table.marked]).toEqual([map.size, marks.size]);
      }),
    );
  });

  it('keeps everything while it grows', () => {
    const table = createKeyTable();
    for (let n = 0; n < 20_000; n++) {
      expect(table.add(`auth0|${n}`, BigInt(n))).toBe(true);
      if (n % 3 === 0) table.mark(`auth0|${n}`);
    }
    for (let n = 0; n < 20_000; n++) {
      if (table.get(`auth0|${n}`) !== BigInt(n)) throw new Error(`lost ${n}`);
      if (table.isMarked(`auth0|${n}`) !== (n % 3 === 0)) throw new Error(`mark of ${n}`);
    }
    expect(table.get('auth0|20000')).toBeUndefined();
    expect([table.size, table.marked]).toEqual([20_000, 6_667]);
  });
});
