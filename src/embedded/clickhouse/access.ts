import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackHost } from '../../hosts.js';

/**
 * Says why a request must be refused, or undefined when it may pass. Nothing that a web page can make a
 * browser send may reach the engine, password or not: a page on another origin carries `Origin`, and a host name
 * pointed at 127.0.0.1 (DNS rebinding) shows in `Host`.
 */
export function refusal(headers: IncomingHttpHeaders): string | undefined {
  if (headers.origin !== undefined) return 'requests from web pages are refused (the request carries an Origin header)';
  if (!isLoopbackHost(headers.host)) return 'only requests to localhost or 127.0.0.1 are answered';
  // A page can also navigate or embed without Origin; browsers mark those.
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return 'requests from web pages are refused';
  return undefined;
}

/** The engine's only user. */
export const USER = 'default';

/**
 * Says why a request's credentials are refused, or undefined. They come in one of ClickHouse's ways: `Authorization: Basic`,
 * the headers `X-ClickHouse-User` and `X-ClickHouse-Key`, or the parameters `user` and `password`.
 */
export function refusedCredentials(
  headers: IncomingHttpHeaders,
  query: URLSearchParams,
  password: string,
): string | undefined {
  const [user, given] = credentialsOf(headers, query);
  if ((user === '' || user === USER) && isSame(given, password)) return undefined;
  return given === ''
    ? `the user ${USER} has a password: it is in the file clickhouse-password of the data folder`
    : `${user === '' ? USER : user}: Authentication failed: password is incorrect, or there is no user with such name.`;
}

function credentialsOf(headers: IncomingHttpHeaders, query: URLSearchParams): [user: string, password: string] {
  const basic = /^basic +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, 'base64').toString();
    const colon = text.indexOf(':');
    return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  }
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return [
    header('x-clickhouse-user') ?? query.get('user') ?? '',
    header('x-clickhouse-key') ?? query.get('password') ?? '',
  ];
}

/** Compares without telling by its time how much of the password was right. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
