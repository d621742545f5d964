import type { Agent } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isLoopback } from './auth0/loopback.js';

/** The variables that name a proxy; each counts in lower case too, and that first, as with curl. */
export const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy that cannot be used: its address and what is wrong, never its password. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code = 'ERR_PROXY';
}

/**
 * The proxy for a URL; null: none. This machine itself is never reached through one. Throws {@link ProxyError} where the
 * variable holds no http(s) URL.
 */
export function proxyFor(url: URL, env: Environment = process.env): URL | null {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const given = valueOf(env, name);
  if (given === '' || isThisMachine(url.hostname) || isExcluded(url, valueOf(env, 'NO_PROXY'))) return null;
  // Without a scheme it is plain http, as everywhere: to the proxy, not to the tenant.
  const text = given.includes('://') ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy === null || (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') || proxy.hostname === '')
    throw new ProxyError(`${name} must be the http or https URL of a proxy, such as http://proxy.example.com:3128`);
  return proxy;
}

/**
 * The agent that sends a request through the proxy of the environment; undefined: none, and Node's own agent is to be
 * used. Connections are kept and shared as Node's own are; `fresh`: one that has no kept connection.
 */
export function agentFor(url: URL, { fresh = false, env = process.env }: { fresh?: boolean; env?: Environment } = {}) {
  const proxy = proxyFor(url, env);
  if (proxy === null) return undefined;
  if (fresh) return newAgent(url, proxy, { keepAlive: false });
  const key = `${url.protocol} ${proxy.href}`;
  const known = agents.get(key);
  if (known) return known;
  const agent = newAgent(url, proxy, { keepAlive: true, scheduling: 'lifo', timeout: 5_000 });
  agents.set(key, agent);
  return agent;
}

const agents = new Map<string, Agent>();

/** What a proxy may take for its answer to CONNECT, ms. */
const CONNECT_MS = 10_000;

function newAgent(url: URL, proxy: URL, options: { keepAlive: boolean; scheduling?: 'lifo'; timeout?: number }): Agent {
  const bare = new URL(proxy);
  // The agents write their proxy's URL where DEBUG is set: the password is not part of it.
  bare.username = '';
  bare.password = '';
  const login = [proxy.username, proxy.password].map((part) => decodeURIComponent(part)).join(':');
  const headers = login === ':' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(login).toString('base64')}` };
  return url.protocol === 'https:'
    ? new Tunnel(bare.href, { ...options, headers })
    : new Forward(bare.href, { ...options, headers });
}

class Tunnel extends HttpsProxyAgent<string> {
  override async connect(...[request, options]: Parameters<HttpsProxyAgent<string>['connect']>) {
    let status = 200;
    request.once('proxyConnect', (answer: { statusCode: number }) => {
      status = answer.statusCode;
    });
    const socket = await throughProxy(this.proxy, super.connect(request, options));
    if (status === 200) return socket;
    // The library hands the proxy's answer on as if it was the tenant's: its 403 would look like a missing scope.
    socket.destroy();
    const cure = status === 407 ? ': it wants another user and password' : '';
    throw new ProxyError(`the proxy ${this.proxy.host} refused the connection (HTTP ${status})${cure}`);
  }
}

class Forward extends HttpProxyAgent<string> {
  override connect(...[request, options]: Parameters<HttpProxyAgent<string>['connect']>) {
    return throughProxy(this.proxy, super.connect(request, options));
  }
}

/** A connection that is there in time, or an error that names the proxy and not the host behind it. */
async function throughProxy<T extends { destroy(): unknown }>({ host }: URL, connecting: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ProxyError(`the proxy ${host} did not answer in time`)), CONNECT_MS);
  });
  try {
    return await Promise.race([connecting, late]);
  } catch (error) {
    void connecting.then((socket) => socket.destroy()).catch(() => {});
    if (error instanceof ProxyError) throw error;
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new ProxyError(`the proxy ${host} cannot be reached${code}`);
  } finally {
    clearTimeout(timer);
  }
}

function valueOf(env: Environment, name: string): string {
  return (env[name.toLowerCase()] ?? env[name] ?? '').trim();
}

function isThisMachine(hostname: string): boolean {
  return isLoopback(hostname) || hostname.endsWith('.localhost') || hostname === '0.0.0.0' || hostname === '[::]';
}

/**
 * Whether NO_PROXY names a host: `*`, a name that covers all below it, with or without a leading dot or `*.`, an address or
 * a network such as 10.0.0.0/8; each may end with a port.
 */
function isExcluded(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = entry, ownPort] = /^(.*?\]?):(\d+)$/.exec(isIP(entry) === 6 ? '' : entry) ?? [];
      if (ownPort !== undefined && ownPort !== port) return false;
      const bare = name.replace(/^\[(.*)\]$/, '$1');
      if (isIP(host) !== 0) return bare === host || isInNetwork(host, bare);
      const suffix = bare.replace(/^\*?\./, '');
      return host === suffix || host.endsWith(`.${suffix}`);
    });
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
}
