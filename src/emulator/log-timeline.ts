import { claimedIndex, logId } from './log-id.js';
import type { TimeText } from './time-text.js';

/** Logs taken in evenly between two times, in milliseconds; the end is exclusive. */
export interface SpreadSegment {
  readonly kind: 'spread';
  readonly count: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** One log each interval from `startMs` on. Without `endMs` it is still growing with the clock. */
export interface LiveSegment {
  readonly kind: 'live';
  readonly startMs: number;
  readonly intervalMs: number;
  readonly endMs?: number;
}

/** Stretch of the logs' timeline. */
export type LogSegment = SpreadSegment | LiveSegment;

interface Placed {
  readonly segment: LogSegment;
  readonly first: number;
  count: number;
}

/**
 * When each log was taken in. Segments follow each other in time, so that ids grow with the index; nothing is stored per log.
 */
export class LogTimeline {
  readonly #time: TimeText;
  readonly #placed: Placed[] = [];

  constructor(segments: readonly LogSegment[], time: TimeText) {
    this.#time = time;
    for (const segment of segments) this.#place(segment);
  }

  /** Number of logs so far; grows by {@link advance} and by appending. */
  get count(): number {
    const last = this.#placed.at(-1);
    return last === undefined ? 0 : last.first + last.count;
  }

  /** The segments as they are, to be stored. */
  get segments(): readonly LogSegment[] {
    return this.#placed.map((placed) => placed.segment);
  }

  /** Lets a growing live segment reach the time given. Never shrinks, also when a clock goes back. */
  advance(nowMs: number): void {
    const last = this.#placed.at(-1);
    if (last?.segment.kind !== 'live' || last.segment.endMs !== undefined) return;
    last.count = Math.max(last.count, liveCount(last.segment, nowMs));
  }

  /** Appends logs between now - spreadMs and now, later where newer logs exist already. */
  append(count: number, spreadMs: number, nowMs: number): void {
    if (count === 0) return;
    const growing = this.closeLive(nowMs);
    const startMs = Math.max(this.#endMs(), nowMs - spreadMs);
    this.#place({ kind: 'spread', count, startMs, endMs: Math.max(startMs + 1, nowMs) });
    if (growing !== undefined) this.openLive(growing, nowMs);
  }

  /** Starts a log each interval from now on. */
  openLive(intervalMs: number, nowMs: number): void {
    this.#place({ kind: 'live', startMs: Math.max(this.#endMs(), nowMs), intervalMs });
  }

  /** Ends the growing segment, if there is one, and says its interval. */
  closeLive(nowMs: number): number | undefined {
    this.advance(nowMs);
    const last = this.#placed.at(-1);
    if (last?.segment.kind !== 'live' || last.segment.endMs !== undefined) return undefined;
    const { intervalMs, startMs } = last.segment;
    this.#placed.pop();
    const endMs = Math.max(nowMs, Math.ceil(startMs + last.count * intervalMs));
    if (last.count > 0) this.#placed.push({ ...last, segment: { kind: 'live', startMs, intervalMs, endMs } });
    return intervalMs;
  }

  /** Interval of the growing segment. */
  get liveIntervalMs(): number | undefined {
    const last = this.#placed.at(-1)?.segment;
    return last?.kind === 'live' && last.endMs === undefined ? last.intervalMs : undefined;
  }

  /** Whether a log came by live production, so that it also moved its user. */
  isLive(index: number): boolean {
    return this.#at(index).segment.kind === 'live';
  }

  /** First index that came by live production at or after `index`, else the count of all. */
  nextLive(index: number): number {
    for (const placed of this.#placed) {
      if (placed.segment.kind === 'live' && placed.first + placed.count > index) return Math.max(placed.first, index);
    }
    return this.count;
  }

  /** When a log was taken in, in microseconds since 1970. Throws a RangeError for an index out of range. */
  ingestUs(index: number): number {
    const { segment, first, count } = this.#at(index);
    const offset = index - first;
    if (segment.kind === 'live') return Math.floor((segment.startMs + (offset + 1) * segment.intervalMs) * 1000);
    return Math.floor(segment.startMs * 1000 + ((offset + 0.5) * (segment.endMs - segment.startMs) * 1000) / count);
  }

  /** Id of a log. Throws a RangeError for an index out of range. */
  id(index: number): string {
    return logId(this.ingestUs(index), index, this.#time);
  }

  /** Index of a log by its id. */
  indexOf(id: string): number | undefined {
    const index = claimedIndex(id);
    return index >= 0 && index < this.count && this.id(index) === id ? index : undefined;
  }

  /** Index of the first log whose id is greater than the position given. */
  indexAfter(position: string): number {
    const known = this.indexOf(position);
    return known === undefined ? this.#firstWhere((index) => this.id(index) > position) : known + 1;
  }

  /** Index of the first log taken in at that time or later. */
  indexAt(ms: number): number {
    return this.#firstWhere((index) => this.ingestUs(index) >= ms * 1000);
  }

  #firstWhere(holds: (index: number) => boolean): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #endMs(): number {
    const last = this.#placed.at(-1)?.segment;
    // A live log can sit on its segment's last millisecond, so the next segment starts one later.
    return last === undefined ? -Infinity : (last.endMs ?? last.startMs) + (last.kind === 'live' ? 1 : 0);
  }

  #place(segment: LogSegment): void {
    const ended = segment.kind === 'live' ? (segment.endMs ?? segment.startMs) : 0;
    const count = segment.kind === 'spread' ? segment.count : liveCount(segment, ended);
    this.#placed.push({ segment, first: this.count, count });
  }

  #at(index: number): Placed {
    let low = 0;
    let high = this.#placed.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#placed[middle]?.first ?? Infinity) <= index) low = middle;
      else high = middle - 1;
    }
    const placed = this.#placed[low];
    if (placed === undefined || index < placed.first || index >= placed.first + placed.count) {
      throw new RangeError(`There is no log ${index}.`);
    }
    return placed;
  }
}

function liveCount(segment: LiveSegment, untilMs: number): number {
  return Math.max(0, Math.floor((untilMs - segment.startMs) / segment.intervalMs));
}
