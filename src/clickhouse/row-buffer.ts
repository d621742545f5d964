const FIRST_BYTES = 256 * 1024;
/** Most bytes of UTF-8 that one UTF-16 code unit becomes. */
const BYTES_A_UNIT = 3;
const NEWLINE = 0x0a;

/**
 * Lines of text as the bytes that are sent. They are written out at once: kept as strings, the rows of a block survive
 * the collector's young generation, and their copies cost a fifth of a worker's time.
 */
export interface RowBuffer {
  readonly rows: number;
  /** Size of all lines so far. */
  readonly length: number;
  append(line: string): void;
  /** All lines so far, each with its line break; valid until the next one is appended. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Begins anew in the same memory: what `bytes` gave is no longer valid. */
  clear(): void;
}

/** A buffer without lines; it takes no memory before the first one. */
export function createRowBuffer(): RowBuffer {
  let buffer = Buffer.alloc(0);
  let length = 0;
  let rows = 0;
  const reserve = (bytes: number): void => {
    if (length + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, buffer.length * 2, length + bytes));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  };
  return {
    get rows() {
      return rows;
    },
    get length() {
      return length;
    },
    append(line) {
      reserve(line.length * BYTES_A_UNIT + 1);
      length += buffer.write(line, length, 'utf8');
      buffer[length++] = NEWLINE;
      rows++;
    },
    bytes: () => buffer.subarray(0, length),
    clear() {
      length = 0;
      rows = 0;
    },
  };
}
