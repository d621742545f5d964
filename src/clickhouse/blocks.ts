import type { RawRecord } from '../json/page.js';
import type { Resource } from '../resources/resource.js';
import { type Block, createBlock, type LoadContext, rowKey } from './block.js';

/** Rows of one resource in as many blocks as their partitions need: nearly always one. */
export interface Blocks extends Pick<
  Block,
  'rows' | 'length' | 'malformed' | 'redacted' | 'oldestDate' | 'add' | 'clear'
> {
  /** Those with rows, in the order in which they are to be inserted. */
  readonly parts: readonly Block[];
  /** Whether a record that never changes is among them. */
  has(record: RawRecord): boolean;
}

/** Blocks without rows. */
export function createBlocks(resource: Resource): Blocks {
  const blocks = [createBlock(resource)];
  const has = (record: RawRecord): boolean => {
    if (resource.versionOf !== null) return false;
    const key = rowKey(resource, record);
    return blocks.some((block) => block.has(key));
  };
  const sum = (of: 'rows' | 'length' | 'malformed' | 'redacted'): number =>
    blocks.reduce((total, block) => total + block[of], 0);
  const addRecord = (record: RawRecord, load: LoadContext): void => {
    if (has(record)) return;
    const last = blocks.at(-1);
    if (last?.fits(record) === true) return last.add([record], load);
    const next = createBlock(resource);
    next.add([record], load);
    blocks.push(next);
  };
  return {
    has,
    get rows() {
      return sum('rows');
    },
    get length() {
      return sum('length');
    },
    get malformed() {
      return sum('malformed');
    },
    get redacted() {
      return sum('redacted');
    },
    get oldestDate() {
      const dates = blocks.map(({ oldestDate }) => oldestDate).filter((date) => date !== null);
      return dates.length === 0 ? null : Math.min(...dates);
    },
    get parts() {
      return blocks.filter(({ rows }) => rows > 0);
    },
    add(records, load) {
      for (const record of records) addRecord(record, load);
    },
    clear() {
      // The first one's memory is used again.
      blocks.splice(1);
      blocks[0]?.clear();
    },
  };
}
