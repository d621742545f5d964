import type { ClientIdentities } from './client-identity.js';
import { mix } from './random.js';

const PICK_SALT = 81;

/** A change made from outside, as it is stored: replayed in order it gives the same clients again. */
export type ClientOperation =
  | { readonly kind: 'add'; readonly count: number }
  | { readonly kind: 'touch' | 'remove'; readonly clients: readonly number[] };

/** The clients: functions of (seed, index) with the few that changed or were deleted laid over them. */
export class ClientStore {
  readonly #seed: number;
  readonly #identities: ClientIdentities;
  readonly #operations: ClientOperation[] = [];
  readonly #removed = new Set<number>();
  readonly #revisions = new Map<number, number>();
  #size: number;

  constructor(seed: number, identities: ClientIdentities, count: number, operations: readonly ClientOperation[]) {
    this.#seed = seed;
    this.#identities = identities;
    this.#size = count;
    // Kept as well as applied: the next save must not forget them.
    for (const operation of operations) this.#record(operation);
  }

  /** Number of clients. */
  get count(): number {
    return this.#size - this.#removed.size;
  }

  /** Changes made from outside so far, to be stored. */
  get operations(): readonly ClientOperation[] {
    return this.#operations;
  }

  /** Number of times a client was changed. */
  revision(index: number): number {
    return this.#revisions.get(index) ?? 0;
  }

  /** Indexes of the clients from an index on, in order. */
  *indexes(from = 0): Generator<number, void> {
    for (let index = from; index < this.#size; index++) if (!this.#removed.has(index)) yield index;
  }

  /** Index of a client that is there. Walks all clients. */
  indexOf(clientId: string): number | undefined {
    for (const index of this.indexes()) if (this.#identities.at(index).clientId === clientId) return index;
    return undefined;
  }

  /** Adds clients and says their indexes. */
  add(count: number): readonly number[] {
    this.#record({ kind: 'add', count });
    return Array.from({ length: count }, (_, offset) => this.#size - count + offset);
  }

  /** Changes the names of clients. */
  touch(clients: readonly number[]): void {
    this.#record({ kind: 'touch', clients });
  }

  /** Deletes clients. */
  remove(clients: readonly number[]): void {
    this.#record({ kind: 'remove', clients });
  }

  /** Some clients that are there, never the pseudo client, at most `count`, the same ones for the same history. */
  choose(count: number): readonly number[] {
    const all = [...this.indexes(1)];
    if (all.length === 0) return [];
    const first = mix(this.#seed, this.#operations.length, PICK_SALT) % all.length;
    return [...all.slice(first), ...all.slice(0, first)].slice(0, count);
  }

  #record(operation: ClientOperation): void {
    this.#operations.push(operation);
    this.#apply(operation);
  }

  #apply(operation: ClientOperation): void {
    if (operation.kind === 'add') this.#size += operation.count;
    else if (operation.kind === 'remove') for (const index of operation.clients) this.#removed.add(index);
    else for (const index of operation.clients) this.#revisions.set(index, this.revision(index) + 1);
  }
}
