import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Says why a request must be refused, or undefined when it may pass. There is no password, so nothing that a web
 * page can make a browser send may reach the engine: a page on another origin carries `Origin`, and a host name
 * pointed at 127.0.0.1 (DNS rebinding) shows in `Host`.
 */
export function refusal(headers: IncomingHttpHeaders): string | undefined {
  if (headers.origin !== undefined) return 'requests from web pages are refused (the request carries an Origin header)';
  if (!LOOPBACK.test(headers.host ?? '')) return 'only requests to localhost or 127.0.0.1 are answered';
  // A page can also navigate or embed without Origin; browsers mark those.
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return 'requests from web pages are refused';
  return undefined;
}
