/** The answers between two refills of a token bucket, as their headers told them. */
export interface RefillWindow {
  /** Second since 1970, by the server's clock, at which the next tokens come: the same for all answers of a window. */
  readonly resetSecond: number;
  /** Fewest and most tokens that an answer of the window left. */
  readonly min: number;
  readonly max: number;
  /** Answers seen, each of which took a token. */
  readonly answers: number;
  /** Tokens that the answer left whose request was sent last, and when it was sent, ms. */
  readonly last: number;
  readonly lastSent: number;
}

/** What windows tell about a bucket's refill, in tokens a second. */
export interface RefillEvidence {
  /** The refill, where nothing can have run over; undefined: not to be told. */
  readonly measured: number | undefined;
  /** What it is at least: a bucket that ran over has swallowed the rest, and tokens that others took are not seen. */
  readonly atLeast: number;
}

/** Smallest bucket whose refill is measured: of fewer tokens, one more or less tells nothing. */
export const SMALLEST_MEASURED = 5;
/** Windows that are kept: the one under way, and those that the last {@link PAIRS} steps need, with some for gaps. */
const KEPT_WINDOWS = 8;
/** Steps from window to window that a measurement is the mean of. */
const PAIRS = 4;
/** Fewest steps for a measurement: a single one may miss answers that are still on their way. */
const MIN_PAIRS = 2;
/** Longest step, s. During a longer one the bucket can have run over and been drained again without a trace. */
const MAX_STEP_SECONDS = 2;
/** A refill that ends above this share of the bucket may have run over. */
const FULL_SHARE = 0.9;
/** A refill that starts above this share is not measured: others' requests can hide that it ran over. */
const LOW_SHARE = 0.5;

/** The windows with one more answer in them. Answers may come late and in any order. */
export function addAnswer(
  windows: readonly RefillWindow[],
  { resetSecond, remaining, sent }: { resetSecond: number; remaining: number; sent: number },
): readonly RefillWindow[] {
  const found = windows.find((window) => window.resetSecond === resetSecond);
  const isLast = found === undefined || sent >= found.lastSent;
  const window: RefillWindow = {
    resetSecond,
    min: Math.min(found?.min ?? remaining, remaining),
    max: Math.max(found?.max ?? remaining, remaining),
    answers: (found?.answers ?? 0) + 1,
    last: isLast ? remaining : found.last,
    lastSent: isLast ? sent : found.lastSent,
  };
  const others = windows.filter((other) => other !== found);
  return [...others, window].sort((a, b) => a.resetSecond - b.resetSecond).slice(-KEPT_WINDOWS);
}

/**
 * Estimates how many tokens a second come into a bucket of this size. No header says it: `x-ratelimit-limit` is the
 * size, not the rate. Between the end of one window and the start of the next the tokens left rise by the refill, less
 * what others took in that moment, so each step tells the refill or less of it; others' requests inside a window fall
 * out. The newest window is still filling and is left out.
 */
export function measureRefill(windows: readonly RefillWindow[], size: number): RefillEvidence {
  let atLeast = 0;
  let pairs = 0;
  let tokens = 0;
  let seconds = 0;
  for (let index = windows.length - 2; index >= 1 && index >= windows.length - 1 - PAIRS; index--) {
    const before = windows[index - 1];
    const after = windows[index];
    if (before === undefined || after === undefined) break;
    const step = after.resetSecond - before.resetSecond;
    if (step > MAX_STEP_SECONDS) break;
    const gain = gained(before, after);
    // Tokens are whole: one of them may belong to the step before.
    atLeast = Math.max(atLeast, (gain - 1) / step);
    if (after.max + 1 > size * FULL_SHARE || before.min > size * LOW_SHARE) continue;
    pairs++;
    tokens += gain;
    seconds += step;
  }
  const isKnown = pairs >= MIN_PAIRS && tokens > 0 && size >= SMALLEST_MEASURED;
  return { measured: isKnown ? tokens / seconds : undefined, atLeast };
}

/**
 * Tokens that came between two windows, or fewer. Where they come all at once, the tokens left only fall within a
 * window, by one an answer or faster; then the top of one over the bottom of the other is the refill. Where they trickle
 * in, end is compared with end, and what our own answers took is added.
 */
function gained(before: RefillWindow, after: RefillWindow): number {
  const atOnce = [before, after].every(({ min, max, answers }) => max - min >= answers - 1);
  return atOnce ? after.max + 1 - before.min : after.last - before.last + after.answers;
}
