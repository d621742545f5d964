import { createHash } from 'node:crypto';

/** Keys with a fingerprint of each record: 34 to 68 bytes a key, however long it is. */
export interface KeyTable {
  readonly size: number;
  /** How many were marked. */
  readonly marked: number;
  /** Adds a key. False when it is there already; then nothing changes. */
  add(key: string, fingerprint: bigint): boolean;
  /** The fingerprint of a key; undefined where it is not there. */
  get(key: string): bigint | undefined;
  /** Marks a key. False when it is marked already, or not there. */
  mark(key: string): boolean;
  isMarked(key: string): boolean;
}

const SMALLEST = 1_024;

/**
 * An empty table. It holds 64 bits of each key's SHA-256 in place of the key: 36 MB for a million users, 570 MB for ten
 * million. Among ten million keys the chance that one that is not there is taken for one that is, is one in 10^12.
 */
export function createKeyTable(): KeyTable {
  let hashes = new BigUint64Array(SMALLEST);
  let fingerprints = new BigUint64Array(SMALLEST);
  let marks = new Uint8Array(SMALLEST);
  let size = 0;
  let marked = 0;

  /** Where a hash is, or the free place where it belongs. Linear probing in a table that is at most half full. */
  const slotOf = (hash: bigint): number => {
    const mask = hashes.length - 1;
    let slot = Number(hash & 0xffff_ffffn) & mask;
    for (;;) {
      const there = hashes[slot];
      if (there === 0n || there === hash) return slot;
      slot = (slot + 1) & mask;
    }
  };
  const grow = (): void => {
    const [oldHashes, oldFingerprints, oldMarks] = [hashes, fingerprints, marks];
    hashes = new BigUint64Array(oldHashes.length * 2);
    fingerprints = new BigUint64Array(oldHashes.length * 2);
    marks = new Uint8Array(oldHashes.length * 2);
    for (const [from, hash] of oldHashes.entries()) {
      if (hash === 0n) continue;
      const slot = slotOf(hash);
      hashes[slot] = hash;
      fingerprints[slot] = oldFingerprints[from] ?? 0n;
      marks[slot] = oldMarks[from] ?? 0;
    }
  };

  return {
    get size() {
      return size;
    },
    get marked() {
      return marked;
    },
    add(key, fingerprint) {
      const hash = hashOf(key);
      if (hashes[slotOf(hash)] === hash) return false;
      if (size * 2 >= hashes.length) grow();
      const slot = slotOf(hash);
      hashes[slot] = hash;
      fingerprints[slot] = fingerprint;
      size++;
      return true;
    },
    get(key) {
      const hash = hashOf(key);
      const slot = slotOf(hash);
      return hashes[slot] === hash ? fingerprints[slot] : undefined;
    },
    mark(key) {
      const hash = hashOf(key);
      const slot = slotOf(hash);
      if (hashes[slot] !== hash || marks[slot] === 1) return false;
      marks[slot] = 1;
      marked++;
      return true;
    },
    isMarked(key) {
      const hash = hashOf(key);
      const slot = slotOf(hash);
      return hashes[slot] === hash && marks[slot] === 1;
    },
  };
}

/** 0 stands for a free place, so no key may have it. */
function hashOf(key: string): bigint {
  const hash = createHash('sha256').update(key).digest().readBigUInt64LE();
  return hash === 0n ? 1n : hash;
}
