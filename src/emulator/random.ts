/**
 * Hash of (seed, index, salt) as an unsigned 32-bit integer. The whole tenant is a function of such hashes: nothing is drawn from
 * a stream, so that record i can be made without making the i - 1 before it.
 */
export function mix(seed: number, index: number, salt: number): number {
  let hash = Math.imul(seed ^ Math.imul(salt, 0x27d4eb2f), 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}

/** The same hash as a fraction in [0, 1). */
export function fraction(seed: number, index: number, salt: number): number {
  return mix(seed, index, salt) / 0x1_0000_0000;
}

/** Member of a pool, taken round robin by `number`, which must be a non-negative integer. */
export function pick<T>(pool: readonly [T, ...T[]], number: number): T {
  return pool[number % pool.length] ?? pool[0];
}

/** A one-to-one map of unsigned 32-bit integers that looks random: ids carry it, so an id leads back to its record's index. */
export function scramble(index: number): number {
  const product = Math.imul(index + 1, 0x9e3779b1);
  return (product ^ (product >>> 16)) >>> 0;
}

/** Inverse of {@link scramble}. */
export function unscramble(scrambled: number): number {
  const product = scrambled ^ (scrambled >>> 16);
  return (Math.imul(product, 0xe8b2f51) - 1) >>> 0;
}

/** Eight hexadecimal digits of an unsigned 32-bit integer. */
export function hex8(value: number): string {
  // Number.prototype.toString with a radix takes the engine's slow path, and ids are half of what a user costs.
  return String.fromCharCode(
    hexCode(value >>> 28),
    hexCode((value >>> 24) & 15),
    hexCode((value >>> 20) & 15),
    hexCode((value >>> 16) & 15),
    hexCode((value >>> 12) & 15),
    hexCode((value >>> 8) & 15),
    hexCode((value >>> 4) & 15),
    hexCode(value & 15),
  );
}

/** A fixed number of hexadecimal digits, a multiple of eight, that belong to (seed, index, salt). */
export function hexText(seed: number, index: number, salt: number, digits: number): string {
  let text = '';
  for (let part = 0; text.length < digits; part++) text += hex8(mix(seed, index, salt * 31 + part));
  return text;
}

function hexCode(digit: number): number {
  return digit < 10 ? 48 + digit : 87 + digit;
}
