import { isIP } from 'node:net';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/** Whether a request's Host header names this machine's loopback. */
export function isLoopbackHost(host: string | undefined): boolean {
  return LOOPBACK.test(nameOf(host ?? ''));
}

/**
 * Whether a request's Host header can be one that somebody uses on purpose: an address (probes and scrapers name a pod by
 * it), a name without a dot (a service of the same network, or this machine), or one of `names`. A web page whose own
 * host name was pointed at this server (DNS rebinding) carries that name here, and such a name has a dot. Without the
 * header no browser asks.
 */
export function isKnownHost(host: string | undefined, names: readonly string[] = []): boolean {
  if (host === undefined) return true;
  const name = nameOf(host);
  return isIP(name) !== 0 || !name.includes('.') || names.some((known) => known.toLowerCase() === name);
}

/** The host without its port and without the brackets of an IPv6 address. */
function nameOf(host: string): string {
  return host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
}
