/** Whether what follows a word makes of it what is looked for; `end` is where the word ends. */
export type Check = (bytes: Uint8Array, end: number, length: number) => boolean;

/** States are numbers of the table; small, since the table has to stay in the processor's cache. */
const WIDTH = 128;

/**
 * Finds out whether any of many words is in a text, whatever its case, and its check says yes: an automaton of Aho and
 * Corasick, which looks at each character once. (One regular expression of all words takes three times as long.) Words
 * are of ASCII characters in small letters.
 */
export function createKeywords(words: ReadonlyMap<string, Check>): (bytes: Uint8Array, length: number) => boolean {
  const steps: Int16Array[] = [new Int16Array(WIDTH)];
  const checks: Check[][] = [[]];
  let longest = 0;
  for (const [word, check] of words) {
    let state = 0;
    for (const letter of word) {
      const code = letter.charCodeAt(0);
      const step = steps[state];
      if (step?.[code] === 0) {
        step[code] = steps.length;
        steps.push(new Int16Array(WIDTH));
        checks.push([]);
      }
      state = step?.[code] ?? 0;
    }
    checks[state]?.push(check);
    longest = Math.max(longest, word.length);
  }
  joinWords(steps, checks);
  // Negative: a word ends there.
  const table = new Int16Array(steps.length * WIDTH);
  for (const [state, step] of steps.entries())
    for (let code = 0; code < WIDTH; code++) {
      const next = step[code >= 0x41 && code <= 0x5a ? code + 0x20 : code] ?? 0;
      table[state * WIDTH + code] = checks[next]?.length ? -next : next;
    }

  const isFound = (state: number, bytes: Uint8Array, end: number, length: number): boolean => {
    for (const check of checks[-state] ?? []) if (check(bytes, end, length)) return true;
    return false;
  };
  const walk = (from: number, to: number, start: number, bytes: Uint8Array, length: number): boolean => {
    let state = start;
    for (let i = from; i < to; i++) {
      state = table[(state << 7) | ((bytes[i] ?? 0) & 0x7f)] ?? 0;
      if (state >= 0) continue;
      if (isFound(state, bytes, i + 1, length)) return true;
      state = -state;
    }
    return false;
  };

  return (bytes, length) => {
    // Two halves at once: each step waits for the table, and the processor can wait for both.
    const half = length >> 1;
    let a = 0;
    let b = 0;
    for (let i = 0; i < half; i++) {
      a = table[(a << 7) | ((bytes[i] ?? 0) & 0x7f)] ?? 0;
      b = table[(b << 7) | ((bytes[i + half] ?? 0) & 0x7f)] ?? 0;
      if ((a | b) >= 0) continue;
      if (a < 0 && isFound(a, bytes, i + 1, length)) return true;
      if (b < 0 && isFound(b, bytes, i + half + 1, length)) return true;
      a = Math.abs(a);
      b = Math.abs(b);
    }
    // The last character of an odd length, and words that begin in the first half and end in the second.
    return walk(half * 2, length, b, bytes, length) || walk(half, Math.min(half + longest, length), a, bytes, length);
  };
}

/** Where a word breaks off, the longest other one that has begun within it goes on. */
function joinWords(steps: readonly Int16Array[], checks: readonly Check[][]): void {
  const fallbacks = new Int16Array(steps.length);
  const queue = [...(steps[0] ?? [])].filter((state) => state !== 0);
  for (const state of queue) {
    const other = steps[fallbacks[state] ?? 0];
    const step = steps[state];
    if (!step) continue;
    for (let code = 0; code < WIDTH; code++) {
      const next = step[code] ?? 0;
      const fallback = other?.[code] ?? 0;
      if (next === 0) {
        step[code] = fallback;
        continue;
      }
      fallbacks[next] = fallback;
      checks[next]?.push(...(checks[fallback] ?? []));
      queue.push(next);
    }
  }
}
