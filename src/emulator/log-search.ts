import { queryError } from './api-error.js';
import { MAX_INGEST_LAG_MS } from './log-facts.js';
import { parseSearchQuery, queryDate, searchError, type FieldCondition, type SearchQuery } from './search-query.js';
import type { Tenant } from './tenant.js';
import { dateTest } from './user-search.js';

type LogTest = (index: number) => boolean;

/** Order of a search: by log id downwards, or by date. */
export type LogOrder = 'newest' | 'date-ascending' | 'date-descending';

/** Reads the sort of a log search. Throws the API's 400 for a field other than date. */
export function logOrder(sort: { readonly field: string; readonly descending: boolean } | undefined): LogOrder {
  if (sort === undefined) return 'newest';
  if (sort.field !== 'date') throw queryError(`'Sorting by ${sort.field} is not supported' on property sort.`);
  return sort.descending ? 'date-descending' : 'date-ascending';
}

/**
 * The first `count` logs at or after `oldest` that match, in order, as indexes. Throws the API's 400 for a query that the search
 * does not know.
 */
export function searchLogs(
  tenant: Tenant,
  search: { readonly q: string | undefined; readonly order: LogOrder; readonly oldest: number; readonly count: number },
): readonly number[] {
  if (search.count === 0) return [];
  const query = search.q === undefined || search.q.trim() === '' ? undefined : parseSearchQuery(search.q);
  const test = query === undefined ? () => true : logTest(tenant, query);
  const dates = query === undefined ? undefined : dateSpan(query);
  const first = Math.max(search.oldest, dates === undefined ? 0 : tenant.timeline.indexAt(dates.low));
  const end = dates === undefined ? tenant.timeline.count : tenant.timeline.indexAt(dates.high + MAX_INGEST_LAG_MS + 1);
  const upwards = search.order === 'date-ascending';
  const walk = { first: upwards ? first : end - 1, last: upwards ? end - 1 : first, step: upwards ? 1 : -1 };
  return search.order === 'newest' ? walkLogs(walk, test, search.count) : walkByDate(tenant, walk, test, search.count);
}

interface Walk {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

function walkLogs(walk: Walk, test: LogTest, count: number): readonly number[] {
  const found: number[] = [];
  for (let index = walk.first; (walk.last - index) * walk.step >= 0 && found.length < count; index += walk.step) {
    if (test(index)) found.push(index);
  }
  return found;
}

// Dates and ids are in nearly the same order: a log lies at most the greatest lag from its place. So the walk goes on only until
// no later log can still belong among those found.
function walkByDate(tenant: Tenant, walk: Walk, test: LogTest, count: number): readonly number[] {
  const found: { readonly index: number; readonly dateMs: number }[] = [];
  let reach: number | undefined;
  for (let index = walk.first; (walk.last - index) * walk.step >= 0; index += walk.step) {
    const ingestMs = tenant.timeline.ingestUs(index) / 1000;
    if (reach !== undefined && (ingestMs - reach) * walk.step > 0) break;
    if (!test(index)) continue;
    found.push({ index, dateMs: tenant.logFacts.dateMsOf(index) });
    if (found.length === count) {
      const dates = found.map(({ dateMs }) => dateMs);
      reach = walk.step > 0 ? Math.max(...dates) + MAX_INGEST_LAG_MS + 1 : Math.min(...dates);
    }
  }
  found.sort((a, b) => walk.step * (a.dateMs - b.dateMs || a.index - b.index));
  return found.slice(0, count).map(({ index }) => index);
}

// The span of dates that every match lies in, from the conditions that all matches meet.
function dateSpan(query: SearchQuery): { readonly low: number; readonly high: number } | undefined {
  const parts = query.kind === 'and' ? query.parts : [query];
  let low = -Infinity;
  let high = Infinity;
  for (const part of parts) {
    if (part.kind !== 'range' || part.field !== 'date') continue;
    if (part.low.value !== undefined) low = Math.max(low, queryDate(part.low.value));
    if (part.high.value !== undefined) high = Math.min(high, queryDate(part.high.value));
  }
  return low === -Infinity && high === Infinity ? undefined : { low, high };
}

function logTest(tenant: Tenant, query: SearchQuery): LogTest {
  switch (query.kind) {
    case 'and': {
      const tests = query.parts.map((part) => logTest(tenant, part));
      return (index) => tests.every((test) => test(index));
    }
    case 'or': {
      const tests = query.parts.map((part) => logTest(tenant, part));
      return (index) => tests.some((test) => test(index));
    }
    case 'not': {
      const test = logTest(tenant, query.part);
      return (index) => !test(index);
    }
    default:
      return conditionTest(tenant, query);
  }
}

function conditionTest(tenant: Tenant, condition: FieldCondition): LogTest {
  const { field } = condition;
  if (field === 'date') {
    const test = dateTest(condition);
    return (index) => test(tenant.logFacts.dateMsOf(index));
  }
  const text = textField(tenant, field);
  if (condition.kind === 'equals') return (index) => text(index) === condition.value;
  if (condition.kind === 'prefix') return (index) => text(index)?.startsWith(condition.value) === true;
  if (field !== 'log_id') throw searchError(`'Field ${field} does not support range queries'`);
  const { low, high } = condition;
  return (index) => {
    const id = text(index) ?? '';
    const isAbove = low.value === undefined || (low.inclusive ? id >= low.value : id > low.value);
    return isAbove && (high.value === undefined || (high.inclusive ? id <= high.value : id < high.value));
  };
}

function textField(tenant: Tenant, field: string): (index: number) => string | undefined {
  const { logFacts, timeline, userIdentities, clientIdentities } = tenant;
  const user = (index: number) => {
    const number = logFacts.userOf(index, logFacts.kindOf(index));
    return number === undefined ? undefined : userIdentities.at(number);
  };
  switch (field) {
    case 'log_id':
      return (index) => timeline.id(index);
    case 'type':
      return (index) => logFacts.kindOf(index).type;
    case 'user_id':
      return (index) => user(index)?.userId;
    case 'connection':
      return (index) => user(index)?.kind.connection;
    case 'client_id':
      return (index) => {
        const { client } = logFacts.at(index);
        return client === undefined ? undefined : clientIdentities.at(client).clientId;
      };
    default:
      throw searchError(`'Field ${field} is not searchable'`);
  }
}
