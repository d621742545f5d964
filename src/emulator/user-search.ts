import { queryError } from './api-error.js';
import {
  queryDate,
  parseSearchQuery,
  rangeTest,
  searchError,
  type FieldCondition,
  type SearchQuery,
} from './search-query.js';
import type { UserFacts } from './user-facts.js';
import type { UserStore } from './user-store.js';

type UserTest = (index: number) => boolean;

const TEXT_FIELDS: Readonly<Record<string, (user: UserFacts) => string | undefined>> = {
  user_id: (user) => user.userId,
  email: (user) => user.email,
  'email.domain': (user) => user.email?.split('@')[1],
  name: (user) => user.phone ?? `${user.given.shown} ${user.family.shown}`,
  nickname: (user) => user.given.ascii,
  given_name: (user) => user.given.shown,
  family_name: (user) => user.family.shown,
  phone_number: (user) => user.phone,
  'identities.connection': (user) => user.kind.connection,
  'identities.provider': (user) => user.kind.provider,
  'identities.user_id': (user) => user.localId,
  blocked: (user) => String(user.blocked),
  logins_count: (user) => String(user.logins),
};

const NUMBER_FIELDS: Readonly<Record<string, (user: UserFacts) => number | undefined>> = {
  last_login: (user) => user.lastLoginMs,
  logins_count: (user) => user.logins,
};

/** Finds users by the API's `q` and `sort` parameters. */
export class UserSearch {
  readonly #users: UserStore;
  #last: { readonly key: string; readonly version: number; readonly found: Uint32Array } | undefined;

  constructor(users: UserStore) {
    this.#users = users;
  }

  /**
   * Indexes of the users that match, in order: as created, or as `sort` says. The last answer is kept, since pages of one search
   * follow each other. Throws the API's 400 for a query or a sort field that the search does not know.
   */
  find(q: string | undefined, sort: { readonly field: string; readonly descending: boolean } | undefined): Uint32Array {
    const key = JSON.stringify([q, sort]);
    const { version } = this.#users;
    if (this.#last?.key === key && this.#last.version === version) return this.#last.found;
    const found = this.#sorted(this.#matching(q), sort);
    this.#last = { key, version, found };
    return found;
  }

  #matching(q: string | undefined): Uint32Array {
    const { size } = this.#users;
    const test = q === undefined || q.trim() === '' ? undefined : this.#test(parseSearchQuery(q));
    const found = new Uint32Array(size);
    let count = 0;
    for (let index = 0; index < size; index++) {
      if (!this.#users.isRemoved(index) && (test === undefined || test(index))) found[count++] = index;
    }
    return found.subarray(0, count);
  }

  #sorted(found: Uint32Array, sort: { readonly field: string; readonly descending: boolean } | undefined): Uint32Array {
    if (sort === undefined) return found;
    const sign = sort.descending ? -1 : 1;
    if (sort.field === 'created_at' || sort.field === 'updated_at') {
      const times = sort.field === 'created_at' ? this.#users.createdTimes() : this.#users.updatedTimes();
      return found.toSorted((a, b) => sign * ((times[a] ?? 0) - (times[b] ?? 0)) || a - b);
    }
    const numbers = NUMBER_FIELDS[sort.field];
    const texts = TEXT_FIELDS[sort.field];
    if (numbers === undefined && texts === undefined)
      throw queryError(`'Sorting by ${sort.field} is not supported' on property sort.`);
    const keys = new Map<number, number | string>();
    for (const index of found) {
      const user = this.#users.facts(index);
      keys.set(index, numbers === undefined ? (texts?.(user) ?? '') : (numbers(user) ?? 0));
    }
    return found.toSorted((a, b) => sign * compare(keys.get(a) ?? '', keys.get(b) ?? '') || a - b);
  }

  #test(query: SearchQuery): UserTest {
    switch (query.kind) {
      case 'and': {
        const tests = query.parts.map((part) => this.#test(part));
        return (index) => tests.every((test) => test(index));
      }
      case 'or': {
        const tests = query.parts.map((part) => this.#test(part));
        return (index) => tests.some((test) => test(index));
      }
      case 'not': {
        const test = this.#test(query.part);
        return (index) => !test(index);
      }
      default:
        return this.#condition(query);
    }
  }

  #condition(condition: FieldCondition): UserTest {
    const { field } = condition;
    if (field === 'created_at' || field === 'updated_at') {
      const times = field === 'created_at' ? this.#users.createdTimes() : this.#users.updatedTimes();
      const test = dateTest(condition);
      return (index) => test(times[index] ?? 0);
    }
    const numbers = NUMBER_FIELDS[field];
    if (condition.kind === 'range') {
      if (numbers === undefined) throw searchError(`'Field ${field} does not support range queries'`);
      const test = rangeTest(condition, field === 'last_login' ? queryDate : Number);
      return (index) => {
        const value = numbers(this.#users.facts(index));
        return value !== undefined && test(value);
      };
    }
    const texts = TEXT_FIELDS[field];
    if (texts === undefined) throw searchError(`'Field ${field} is not searchable'`);
    if (condition.kind === 'prefix') {
      return (index) => texts(this.#users.facts(index))?.startsWith(condition.value) === true;
    }
    if (field === 'user_id') {
      const only = this.#users.indexOf(condition.value);
      return (index) => index === only;
    }
    return (index) => texts(this.#users.facts(index)) === condition.value;
  }
}

/** Test of a date condition; a bare date means that very instant, `*` any. */
export function dateTest(condition: FieldCondition): (ms: number) => boolean {
  if (condition.kind === 'range') return rangeTest(condition, queryDate);
  if (condition.kind === 'equals') {
    const instant = queryDate(condition.value);
    return (ms) => ms === instant;
  }
  if (condition.value !== '') throw searchError(`'Field ${condition.field} does not support wildcards'`);
  return () => true;
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return a < b ? -1 : a > b ? 1 : 0;
}
