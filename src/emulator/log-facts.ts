import { kindTable, logKinds, type LogKind } from './log-kinds.js';
import type { LogTimeline } from './log-timeline.js';
import { mix, pick } from './random.js';

/** A log never lies longer than this between its date and being taken in, in milliseconds. */
export const MAX_INGEST_LAG_MS = 5400;
const MIN_INGEST_LAG_MS = 10;

const SALT = { kind: 51, lag: 52, user: 53, client: 54, shape: 55 } as const;
const TABLE_ENTRIES = 4096;

/** What a log is about. */
export interface LogFacts {
  readonly index: number;
  readonly kind: LogKind;
  readonly ingestUs: number;
  /** Time of the event itself in milliseconds, some time before it was taken in. */
  readonly dateMs: number;
  /** Index of the user, undefined for a log without one. */
  readonly user: number | undefined;
  /** Index of the client, undefined for a log without one. */
  readonly client: number | undefined;
  /** Hash that decides the log's smaller traits. */
  readonly bits: number;
}

/** Facts of logs as a function of (seed, index) and the timeline. */
export class LogFactSource {
  readonly #seed: number;
  readonly #timeline: LogTimeline;
  readonly #users: number;
  readonly #clients: number;
  readonly #kinds = logKinds();
  readonly #table = kindTable(this.#kinds, TABLE_ENTRIES);

  /** `users` and `clients` are the numbers of them in the base data, which the logs are about. */
  constructor(seed: number, timeline: LogTimeline, users: number, clients: number) {
    this.#seed = seed;
    this.#timeline = timeline;
    this.#users = users;
    this.#clients = clients;
  }

  /** The kind of a log. */
  kindOf(index: number): LogKind {
    return pick(this.#kinds, this.#table[mix(this.#seed, index, SALT.kind) % TABLE_ENTRIES] ?? 0);
  }

  /** Index of the user a log is about. Few users make most of the logs. */
  userOf(index: number, kind: LogKind): number | undefined {
    if (!kind.hasUser || this.#users === 0) return undefined;
    const drawn = mix(this.#seed, index, SALT.user) / 0x1_0000_0000;
    return Math.floor(this.#users * drawn ** 5);
  }

  /** Time of the event in milliseconds. */
  dateMsOf(index: number): number {
    return this.#dateMs(index, this.#timeline.ingestUs(index));
  }

  /** Everything about a log. Throws a RangeError for an index out of range. */
  at(index: number): LogFacts {
    const kind = this.kindOf(index);
    const ingestUs = this.#timeline.ingestUs(index);
    // Client 0 is the pseudo client that stands for all applications; nobody signs in to it.
    const client =
      this.#clients < 2 ? undefined : 1 + (mix(this.#seed, index, SALT.client) % Math.min(this.#clients - 1, 200));
    return {
      index,
      kind,
      ingestUs,
      dateMs: this.#dateMs(index, ingestUs),
      user: this.userOf(index, kind),
      client,
      bits: mix(this.#seed, index, SALT.shape),
    };
  }

  #dateMs(index: number, ingestUs: number): number {
    const drawn = mix(this.#seed, index, SALT.lag) / 0x1_0000_0000;
    const lag = MIN_INGEST_LAG_MS + Math.floor((MAX_INGEST_LAG_MS - MIN_INGEST_LAG_MS) * drawn * drawn);
    return Math.floor(ingestUs / 1000) - lag;
  }
}
