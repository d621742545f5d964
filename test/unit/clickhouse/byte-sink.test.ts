import { expect, it } from 'vitest';
import { createByteSink } from '../../../src/clickhouse/byte-sink.js';

/** The number that a LEB128 stands for, and the bytes behind it. */
function readVarint(bytes: Buffer): { value: number; rest: Buffer } {
  let value = 0;
  for (const [i, byte] of bytes.entries()) {
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, rest: bytes.subarray(i + 1) };
  }
  throw new Error('a number does not end');
}

it.each([0, 1, 127, 128, 300, 16_383, 16_384, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER])(
  'writes %i as a VarUInt',
  (value) => {
    const sink = createByteSink();
    sink.varint(value);
    expect(readVarint(sink.bytes())).toEqual({ value, rest: Buffer.alloc(0) });
  },
);

it.each([
  0,
  1,
  -1,
  255,
  -256,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  -(2 ** 32),
  1.7e12,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
])('writes %i as 64 bits', (value) => {
  const sink = createByteSink();
  sink.int64(value);
  expect(sink.bytes().readBigInt64LE()).toBe(BigInt(value));
  expect(sink.length).toBe(8);
});

it.each([
  ['nothing', ''],
  ['a word', 'seccft'],
  ['the longest short one', 'x'.repeat(42)],
  ['one more', 'x'.repeat(43)],
  ['a short one that ends beyond ASCII', `${'x'.repeat(20)}é`],
  ['as many units as fit one byte, more bytes', '€'.repeat(42)],
  ['a length that grows a byte with the encoding', 'é'.repeat(100)],
  ['a length that grows from two bytes to three', '東'.repeat(10_000)],
  ['127 bytes', 'x'.repeat(127)],
  ['128 bytes', 'x'.repeat(128)],
  ['emoji', '🔒'.repeat(33)],
  ['control characters', 'a\u0000b\n\nc'],
  ['a megabyte', 'ab'.repeat(500_000)],
])('writes a text of %s behind its length', (_, text) => {
  const sink = createByteSink();
  // Whatever stands in front stays as it is.
  sink.text('before');
  const from = sink.length;
  sink.text(text);
  const { value, rest } = readVarint(sink.bytes().subarray(from));
  expect(value).toBe(Buffer.byteLength(text));
  expect(rest.toString()).toBe(text);
  expect(sink.bytes().subarray(1, from).toString()).toBe('before');
});

it('writes half a character as the replacement character', () => {
  const sink = createByteSink();
  sink.text('a\ud800b');
  expect(sink.bytes().subarray(1).toString()).toBe('a\ufffdb');
});

it('begins anew in the memory that it has', () => {
  const sink = createByteSink();
  sink.text('x'.repeat(10_000));
  const memory = sink.bytes().buffer;
  sink.clear();
  expect(sink.length).toBe(0);
  sink.byte(7);
  expect([...sink.bytes()]).toEqual([7]);
  expect(sink.bytes().buffer).toBe(memory);
});
