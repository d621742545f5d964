/**
 * Everything that can go wrong, by name. The name is the `type` of the failure in the Temporal UI; `retry` says
 * whether the activity's retry policy may try again, `next` what the operator should do.
 */
export const ERRORS = {
  TenantUnreachable: {
    retry: true,
    next: 'Check the domain (AUTH0_DOMAIN, or tenants.yaml) and the network between this machine and the tenant.',
  },
  TenantUnavailable: { retry: true, next: 'The tenant has trouble of its own: it is tried again, nothing is lost.' },
  RateLimited: { retry: true, next: "The tenant's rate limit was hit: it is tried again after the time it names." },
  UnreadableAnswer: {
    retry: true,
    next: 'The answer was no valid Management API answer: check that the domain (AUTH0_DOMAIN, or tenants.yaml) is an Auth0 tenant and no proxy is in between.',
  },
  AnswerTooLarge: {
    retry: false,
    next: 'The tenant sends more at once than can be taken, however little is asked for: check what sits between it and this machine.',
  },
  CredentialsRejected: {
    retry: false,
    next: "Check client id and secret (AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET, or tenants.yaml); with a private key the key, its id and algorithm (AUTH0_PRIVATE_KEY, _ID and _ALG), and this machine's clock, since an assertion is good for one minute.",
  },
  AudienceRejected: {
    retry: false,
    next: 'Check the audience (AUTH0_AUDIENCE, or tenants.yaml; with a custom domain it stays https://<tenant>.<region>.auth0.com/api/v2/) and authorize the application for the Management API.',
  },
  TokenRejected: {
    retry: false,
    next: 'The tenant refused a token it had just issued: check the audience (AUTH0_AUDIENCE, or tenants.yaml), and that the domain is the host that issues the tokens.',
  },
  InsufficientScope: {
    retry: false,
    next: 'Grant the named scope to the application (Applications > APIs > Auth0 Management API > Machine to Machine), then sync again.',
  },
  NotInPlan: {
    retry: false,
    next: "The tenant's subscription does not include this endpoint: leave the resource out.",
  },
  CursorExpired: { retry: false, next: 'The cursor is older than the logs that the tenant keeps.' },
  RetentionPassed: {
    retry: false,
    next: 'What the tenant has dropped cannot be read again: ask for what is left.',
  },
  PagingLimit: { retry: false, next: 'The query matches more records than can be paged.' },
  InvalidRequest: {
    retry: false,
    next: 'The tenant refused the request itself: this is a bug or a bad --from; please report it.',
  },
  SourceStuck: {
    retry: false,
    next: 'The tenant goes on without an end and without anything new: check what sits between it and this machine.',
  },
  ExportFailed: { retry: true, next: 'The users export failed on the tenant: it is asked for again.' },
  ExportLinkExpired: {
    retry: true,
    next: 'The download link of the users export had expired: a fresh one is asked for.',
  },
  DestinationUnavailable: { retry: true, next: 'Check CLICKHOUSE_URL and that ClickHouse is up; it is tried again.' },
  DestinationRefused: {
    retry: false,
    next: 'ClickHouse refused the statement: check CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, its rights and the tables of CLICKHOUSE_DATABASE.',
  },
  OtherDestination: {
    retry: false,
    next: 'Nothing was written there. Check CLICKHOUSE_URL, CLICKHOUSE_DATABASE and what listens there. Was it emptied? Start the worker again: it makes the tables, and everything is read again. Was another one meant? See docs/troubleshooting.md#otherdestination.',
  },
  DestinationTooOld: {
    retry: false,
    next: 'Nothing was written. Update the ClickHouse server, or set CLICKHOUSE_URL to another one.',
  },
  DestinationUnreadable: {
    retry: false,
    next: 'A table or view of CLICKHOUSE_DATABASE is not as this version makes it: compare it with docs/tables.md.',
  },
  NotReconciled: {
    retry: false,
    next: 'The numbers of the run do not add up: see pipeline_runs, sync again, and compare with verify.',
  },
  Configuration: { retry: false, next: 'Correct the setting, then start again.' },
  TemporalUnavailable: { retry: true, next: 'Check TEMPORAL_ADDRESS and that the Temporal server is up.' },
  Internal: { retry: true, next: 'This is a bug: please report it with the message above.' },
} as const satisfies Record<string, { retry: boolean; next: string }>;

export type ErrorKind = keyof typeof ERRORS;

/** Whether a failure's type is one of ours. */
export function isErrorKind(word: string | null | undefined): word is ErrorKind {
  return typeof word === 'string' && Object.hasOwn(ERRORS, word);
}

/** Where an error happened. Positions and codes only: it ends up in histories, logs and on screens. */
export interface ErrorContext {
  tenant?: string;
  resource?: string;
  page?: number;
  cursor?: string | null;
  status?: number;
  code?: string;
}

/** An error of the closed taxonomy. `message` says what happened; {@link describeError} adds where and what to do. */
export class ExtractError extends Error {
  override readonly name = 'ExtractError';
  readonly kind: ErrorKind;
  readonly context: ErrorContext;
  /** How long the source asked to wait before the next try, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, context: ErrorContext = {}, options: { retryAfterMs?: number } = {}) {
    super(message);
    this.kind = kind;
    this.context = context;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same error with what a caller knows of the place added. */
  at(context: ErrorContext): ExtractError {
    const options = this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs };
    return new ExtractError(this.kind, this.message, { ...context, ...this.context }, options);
  }
}

/** One line for people: what, where, and what to do next. */
export function describeError(kind: ErrorKind, message: string, context: ErrorContext = {}): string {
  const place = [
    context.resource,
    context.page === undefined ? undefined : `page ${context.page}`,
    context.cursor ? `cursor ${context.cursor}` : undefined,
    context.status === undefined ? undefined : `HTTP ${context.status}`,
    context.code,
  ].filter((part) => part !== undefined);
  const where = place.length > 0 ? ` (${place.join(', ')})` : '';
  return `${message}${where}. ${ERRORS[kind].next}`;
}
