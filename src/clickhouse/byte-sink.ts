const FIRST_BYTES = 4 * 1024;
/** Most bytes of UTF-8 that one UTF-16 code unit becomes. */
const BYTES_A_UNIT = 3;
/** Up to here a loop beats the call into native code; and three times as many bytes still have a length of one byte. */
const SHORT_UNITS = 42;
const TWO_TO_32 = 2 ** 32;

/**
 * Bytes that grow at their end. Values are written out at once: kept as strings, those of a block would survive the
 * collector's young generation, and copying them costs more than all the writing.
 */
export interface ByteSink {
  readonly length: number;
  /** One byte, 0 to 255. */
  byte(value: number): void;
  /** 64 bits, the lowest byte first; a negative number as its two's complement. `value` is a safe integer. */
  int64(value: number): void;
  /** A number of 0 and above as LEB128, which ClickHouse calls VarUInt. */
  varint(value: number): void;
  /** A text as UTF-8 behind its length in bytes; what is no character (half a surrogate pair) becomes U+FFFD. */
  text(value: string): void;
  /** What was written so far; valid until more is written. */
  bytes(): Buffer;
  /** Begins anew in the same memory: what `bytes` gave is no longer valid. */
  clear(): void;
}

/** An empty sink; it takes no memory before the first value. */
export function createByteSink(): ByteSink {
  let buffer = Buffer.alloc(0);
  let length = 0;

  const reserve = (bytes: number): void => {
    if (length + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, buffer.length * 2, length + bytes));
    buffer.copy(larger, 0, 0, length);
    buffer = larger;
  };
  const varintAt = (value: number, at: number): void => {
    let rest = value;
    let end = at;
    while (rest >= 0x80) {
      buffer[end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    buffer[end] = rest;
  };
  /** False, and nothing written, where the text is not all ASCII. */
  const shortAscii = (value: string): boolean => {
    const units = value.length;
    let at = length + 1;
    for (let i = 0; i < units; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      buffer[at++] = unit;
    }
    buffer[length] = units;
    length = at;
    return true;
  };

  return {
    get length() {
      return length;
    },
    byte(value) {
      reserve(1);
      buffer[length++] = value;
    },
    int64(value) {
      reserve(8);
      const high = Math.floor(value / TWO_TO_32);
      buffer.writeUInt32LE(value - high * TWO_TO_32, length);
      buffer.writeInt32LE(high, length + 4);
      length += 8;
    },
    varint(value) {
      reserve(MOST_VARINT_BYTES);
      varintAt(value, length);
      length += varintBytes(value);
    },
    text(value) {
      const units = value.length;
      reserve(units * BYTES_A_UNIT + MOST_VARINT_BYTES);
      if (units <= SHORT_UNITS && shortAscii(value)) return;
      // Mostly as many bytes as units; where their number needs a longer length, the bytes make room for it.
      const guess = varintBytes(units);
      const bytes = buffer.write(value, length + guess, 'utf8');
      const size = varintBytes(bytes);
      if (size !== guess) buffer.copyWithin(length + size, length + guess, length + guess + bytes);
      varintAt(bytes, length);
      length += size + bytes;
    },
    bytes: () => buffer.subarray(0, length),
    clear() {
      length = 0;
    },
  };
}

const MOST_VARINT_BYTES = 8;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
