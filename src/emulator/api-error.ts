const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Payload Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A refusal, with the body that the API sends for it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: string, headers: Readonly<Record<string, string>>) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** Refusal in the Management API's shape. */
export function managementError(status: number, message: string, errorCode?: string, attributes?: object): ApiError {
  const error = STATUS_TEXTS[status] ?? 'Error';
  const body = {
    statusCode: status,
    error,
    message,
    ...(attributes === undefined ? {} : { attributes }),
    ...(errorCode === undefined ? {} : { errorCode }),
  };
  return new ApiError(status, JSON.stringify(body), JSON_TYPE);
}

/** Refusal of a query parameter. */
export function queryError(problem: string): ApiError {
  return managementError(400, `Query validation error: ${problem}`, 'invalid_query_string');
}

/** Refusal in the token endpoint's shape. */
export function oauthError(status: number, error: string, description: string): ApiError {
  return new ApiError(status, JSON.stringify({ error, error_description: description }), JSON_TYPE);
}

/** Refusal in the object store's shape, which holds the exports. */
export function storageError(status: number, code: string, message: string): ApiError {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>0A49CE4060975EAC</RequestId></Error>`;
  return new ApiError(status, body, { 'content-type': 'application/xml' });
}
