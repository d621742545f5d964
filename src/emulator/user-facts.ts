import { fraction, mix } from './random.js';
import type { UserIdentities, UserIdentity } from './user-identity.js';

const SALT = { created: 21, updated: 22, never: 23, logins: 24, blocked: 25, noLogin: 26 } as const;

/** Users created at one time or spread evenly over a span, in milliseconds; the end is exclusive. */
export interface UserCohort {
  readonly count: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** What has happened to a user since the base data. */
export interface UserChange {
  readonly updatedMs: number;
  readonly lastLoginMs?: number;
  readonly logins: number;
  /** Number of times the user's profile was changed. */
  readonly revision: number;
}

/** A user's state at one time. */
export interface UserFacts extends UserIdentity {
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly lastLoginMs: number | undefined;
  readonly logins: number;
  readonly revision: number;
  readonly blocked: boolean;
}

/** State of users as functions of (seed, index), with changes laid over them. */
export class UserBase {
  readonly #seed: number;
  readonly #epochMs: number;
  readonly identities: UserIdentities;

  constructor(seed: number, epochMs: number, identities: UserIdentities) {
    this.#seed = seed;
    this.#epochMs = epochMs;
    this.identities = identities;
  }

  /** When a user was created. Users of a cohort are created in the order of their indexes. */
  createdMs(cohorts: readonly UserCohort[], index: number): number {
    let first = 0;
    for (const cohort of cohorts) {
      if (index < first + cohort.count) {
        const gap = (cohort.endMs - cohort.startMs) / cohort.count;
        const within = index - first + fraction(this.#seed, index, SALT.created);
        return Math.floor(cohort.startMs + within * gap);
      }
      first += cohort.count;
    }
    throw new RangeError(`There is no user ${index}.`);
  }

  /** When a user was last updated before any change. */
  updatedMs(createdMs: number, index: number): number {
    const open = this.#epochMs - createdMs;
    if (open <= 0 || fraction(this.#seed, index, SALT.never) < 0.25) return createdMs;
    return createdMs + Math.floor(open * Math.sqrt(fraction(this.#seed, index, SALT.updated)));
  }

  /** Everything about a user. */
  facts(cohorts: readonly UserCohort[], index: number, change: UserChange | undefined): UserFacts {
    const seed = this.#seed;
    const createdMs = this.createdMs(cohorts, index);
    const baseUpdatedMs = this.updatedMs(createdMs, index);
    const hasLogin = fraction(seed, index, SALT.noLogin) > 0.08;
    const baseLogins = hasLogin ? 1 + (mix(seed, index, SALT.logins) % 400) : 0;
    const identity = this.identities.at(index);
    // Written out, because spreading an object costs more than everything else here.
    return {
      index,
      kind: identity.kind,
      given: identity.given,
      family: identity.family,
      company: identity.company,
      localId: identity.localId,
      userId: identity.userId,
      email: identity.email,
      phone: identity.phone,
      createdMs,
      updatedMs: Math.max(baseUpdatedMs, change?.updatedMs ?? 0),
      lastLoginMs: change?.lastLoginMs ?? (hasLogin ? baseUpdatedMs : undefined),
      logins: baseLogins + (change?.logins ?? 0),
      revision: change?.revision ?? 0,
      blocked: mix(seed, index, SALT.blocked) % 50 === 0,
    };
  }
}
