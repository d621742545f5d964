import { classifyAnswer } from '../../../../src/auth0/classify.js';
import type { ApiRequest } from '../../../../src/auth0/http.js';
import { type Gap, linkFrom, type Pager, type PageStep } from '../../../../src/auth0/paging/pager.js';
import type { Cursor } from '../../../../src/contracts/cursor.js';
import { ExtractError } from '../../../../src/contracts/errors.js';
import type { RunMode } from '../../../../src/contracts/types.js';
import { parsePage } from '../../../../src/json/page.js';

/** What a model of the tenant answers: a body, or a refusal. */
export interface ModelAnswer {
  status?: number;
  body: unknown;
  link?: string;
}
export type Model = (query: Record<string, string>, request: ApiRequest) => ModelAnswer;

/** What came of reading a model to its end. */
export interface Reading<C extends Cursor> {
  /** All stored records, in order. */
  stored: Record<string, unknown>[];
  /** Records that the destination may hold already. */
  rechecked: Record<string, unknown>[];
  gaps: Gap[];
  /** Queries in order, those that were refused included. */
  queries: Record<string, string>[];
  /** Cursors behind each page. */
  cursors: C[];
  cursor: C;
  done: boolean;
  switchTo: RunMode | null;
  total: number | null;
}

/** Body of a refusal. */
export function refusal(statusCode: number, message: string, errorCode?: string): ModelAnswer {
  return { status: statusCode, body: { statusCode, error: 'Bad Request', message, errorCode } };
}

/** Refuses a page of more records than the tenant gives. */
export function pageTooLarge(asked: number, largest: number): ModelAnswer {
  const message = `Query validation error: 'Value ${asked} is greater than maximum ${largest}'`;
  return refusal(400, message, 'invalid_query_string');
}

/** Reads a model with a pager as the page fetch does at its nth attempt, until it is done, another mode is needed, or it throws. */
export function drive<C extends Cursor>(
  pager: Pager<C>,
  start: C,
  listName: string,
  model: Model,
  attempt = 1,
): Reading<C> {
  const reading: Reading<C> = {
    stored: [],
    rechecked: [],
    gaps: [],
    queries: [],
    cursors: [],
    cursor: start,
    done: false,
    switchTo: null,
    total: null,
  };
  while (!reading.done && reading.switchTo === null) {
    // A model has some thousand records at most.
    if (reading.queries.length > 500) throw new Error('reading does not end');
    const request = pager.request(reading.cursor);
    const query = { ...request.query };
    reading.queries.push(query);
    const { status = 200, body, link = null } = model(query, request);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    if (status !== 200) {
      const logsCheckpoint = request.path === '/api/v2/logs' && query['from'] !== undefined;
      const error = classifyAnswer({ status, headers: new Headers(), text }, { logsCheckpoint });
      const recovered = pager.recover(reading.cursor, error, attempt);
      if (recovered === undefined) throw error;
      reading.cursor = recovered.cursor;
      reading.switchTo = recovered.switchTo;
      continue;
    }
    let step: PageStep<C>;
    try {
      step = pager.advance(reading.cursor, { ...parsePage(text, listName), linkFrom: linkFrom(link) });
    } catch (error) {
      const recovered = error instanceof ExtractError && pager.recover(reading.cursor, error, attempt);
      if (!recovered) throw error;
      reading.cursor = recovered.cursor;
      reading.switchTo = recovered.switchTo;
      continue;
    }
    reading.cursor = step.cursor;
    reading.cursors.push(step.cursor);
    reading.stored.push(...step.take.map(({ value }) => value));
    reading.rechecked.push(...(step.recheck ?? []).map(({ value }) => value));
    if (step.gap) reading.gaps.push(step.gap);
    reading.done = step.done;
    reading.switchTo = step.switchTo;
    reading.total = step.total ?? reading.total;
  }
  return reading;
}

/** Kind of the error with which reading ends. */
export function kindOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return error instanceof ExtractError ? error.kind : String(error);
  }
  return 'no error';
}

/** A number parameter of a query. */
export function numberOf(query: Record<string, string>, name: string): number {
  return Number(query[name] ?? NaN);
}
