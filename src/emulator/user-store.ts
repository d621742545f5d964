import { mix } from './random.js';
import type { UserBase, UserChange, UserCohort, UserFacts } from './user-facts.js';

const PICK_SALT = 41;

/** A change made from outside, as it is stored: replayed in order it gives the same users again. */
export type UserOperation =
  | { readonly kind: 'add'; readonly count: number; readonly startMs: number; readonly endMs: number }
  | { readonly kind: 'touch'; readonly users: readonly number[]; readonly startMs: number; readonly endMs: number }
  | { readonly kind: 'remove'; readonly users: readonly number[] };

/** The tenant's users at one time; indexes below `size` that are not removed are users. */
export interface UserView {
  readonly size: number;
  isRemoved(index: number): boolean;
  facts(index: number): UserFacts;
}

/** The users: functions of (seed, index) with the few that changed or were deleted laid over them. */
export class UserStore implements UserView {
  readonly #base: UserBase;
  readonly #seed: number;
  #cohorts: readonly UserCohort[];
  readonly #operations: UserOperation[] = [];
  readonly #removed = new Set<number>();
  readonly #changes = new Map<number, UserChange>();
  #size = 0;
  #version = 0;
  #createdMs = new Float64Array(0);
  #updatedMs = new Float64Array(0);

  constructor(seed: number, base: UserBase, cohort: UserCohort, operations: readonly UserOperation[]) {
    this.#seed = seed;
    this.#base = base;
    this.#cohorts = [cohort];
    this.#size = cohort.count;
    // Kept as well as applied: the next save must not forget them.
    for (const operation of operations) this.#record(operation);
  }

  /** Number of indexes in use, removed users among them. */
  get size(): number {
    return this.#size;
  }

  /** Number of users. */
  get count(): number {
    return this.#size - this.#removed.size;
  }

  /** Grows with every change: what was computed at the same version is still true. */
  get version(): number {
    return this.#version;
  }

  /** Changes made from outside so far, to be stored. */
  get operations(): readonly UserOperation[] {
    return this.#operations;
  }

  isRemoved(index: number): boolean {
    return this.#removed.has(index);
  }

  facts(index: number): UserFacts {
    return this.#base.facts(this.#cohorts, index, this.#changes.get(index));
  }

  /** Index of a user that is there. */
  indexOf(userId: string): number | undefined {
    const index = this.#base.identities.indexOf(userId);
    return index === undefined || index >= this.#size || this.#removed.has(index) ? undefined : index;
  }

  /** Creation times by index, in milliseconds. */
  createdTimes(): Float64Array {
    this.#fillTimes();
    return this.#createdMs;
  }

  /** Times of the last update by index, in milliseconds. */
  updatedTimes(): Float64Array {
    this.#fillTimes();
    return this.#updatedMs;
  }

  /** Adds users created between now - spreadMs and now; with no spread all in the same millisecond. Says their indexes. */
  add(count: number, spreadMs: number, nowMs: number): readonly number[] {
    this.#record({ kind: 'add', count, startMs: nowMs - spreadMs, endMs: nowMs });
    return Array.from({ length: count }, (_, offset) => this.#size - count + offset);
  }

  /** Changes a field of users between now - spreadMs and now. */
  touch(users: readonly number[], spreadMs: number, nowMs: number): void {
    this.#record({ kind: 'touch', users, startMs: nowMs - spreadMs, endMs: nowMs });
  }

  /** Deletes users. */
  remove(users: readonly number[]): void {
    this.#record({ kind: 'remove', users });
  }

  /** Some users that are there, at most `count`, the same ones for the same history. */
  choose(count: number): readonly number[] {
    const wanted = Math.min(count, this.count);
    const chosen: number[] = [];
    let index = this.#size === 0 ? 0 : mix(this.#seed, this.#operations.length, PICK_SALT) % this.#size;
    while (chosen.length < wanted) {
      if (!this.#removed.has(index)) chosen.push(index);
      index = (index + 1) % this.#size;
    }
    return chosen;
  }

  /** Lets a user sign in. Deleted users stay deleted. */
  signIn(index: number, atMs: number): void {
    if (index >= this.#size || this.#removed.has(index)) return;
    const known = this.#changes.get(index);
    this.#change(index, {
      updatedMs: Math.max(known?.updatedMs ?? 0, atMs),
      lastLoginMs: Math.max(known?.lastLoginMs ?? 0, atMs),
      logins: (known?.logins ?? 0) + 1,
      revision: known?.revision ?? 0,
    });
  }

  /** The users as they are now, unmoved by later changes. */
  snapshot(): UserView {
    const removed = new Set(this.#removed);
    const changes = new Map(this.#changes);
    const cohorts = this.#cohorts;
    return {
      size: this.#size,
      isRemoved: (index) => removed.has(index),
      facts: (index) => this.#base.facts(cohorts, index, changes.get(index)),
    };
  }

  #record(operation: UserOperation): void {
    this.#operations.push(operation);
    this.#apply(operation);
  }

  #apply(operation: UserOperation): void {
    this.#version++;
    switch (operation.kind) {
      case 'add':
        this.#cohorts = [...this.#cohorts, operation];
        this.#size += operation.count;
        return;
      case 'remove':
        for (const index of operation.users) this.#removed.add(index);
        return;
      case 'touch': {
        const { users, startMs, endMs } = operation;
        const step = (endMs - startMs) / Math.max(1, users.length);
        for (const [position, index] of users.entries()) {
          const known = this.#changes.get(index);
          const updatedMs = Math.floor(endMs - (users.length - 1 - position) * step);
          this.#change(index, {
            ...known,
            updatedMs: Math.max(known?.updatedMs ?? 0, updatedMs),
            logins: known?.logins ?? 0,
            revision: (known?.revision ?? 0) + 1,
          });
        }
        return;
      }
    }
  }

  #change(index: number, change: UserChange): void {
    this.#version++;
    this.#changes.set(index, change);
    if (index < this.#updatedMs.length) {
      this.#updatedMs[index] = Math.max(this.#updatedMs[index] ?? 0, change.updatedMs);
    }
  }

  // The times are kept as numbers only once somebody searches: sixteen bytes a user.
  #fillTimes(): void {
    const known = this.#createdMs.length;
    if (known === this.#size) return;
    const created = new Float64Array(this.#size);
    const updated = new Float64Array(this.#size);
    created.set(this.#createdMs);
    updated.set(this.#updatedMs);
    for (let index = known; index < this.#size; index++) {
      const createdMs = this.#base.createdMs(this.#cohorts, index);
      created[index] = createdMs;
      const changedMs = this.#changes.get(index)?.updatedMs ?? 0;
      updated[index] = Math.max(this.#base.updatedMs(createdMs, index), changedMs);
    }
    this.#createdMs = created;
    this.#updatedMs = updated;
  }
}
