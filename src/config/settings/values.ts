import { z } from 'zod';
import { isResourceName, RESOURCES } from '../../contracts/names.js';
import { isLoopback } from '../../auth0/loopback.js';
import { parsePrivateKey } from '../../auth0/private-key.js';
import { parseInstant } from '../../resources/columns.js';

export const text = z.string().trim();
export const whole = (min: number, max: number) =>
  text
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);
export const port = whole(0, 65535);

/** An origin without path: `acme.eu.auth0.com` or `https://acme.eu.auth0.com`; plain http only for loopback. */
export const origin = text.transform((value, context) => {
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(value) ? value : `https://${value}`);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a host such as acme.eu.auth0.com, or a full origin' });
    return z.NEVER;
  }
  const problem = originProblem(url);
  if (problem === undefined) return url.origin;
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
});

function originProblem(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'must not hold credentials';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'must be a host or origin without a path';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return 'may be plain http only on loopback; use https';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be http or https';
  return undefined;
}

export const httpUrl = text.transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const problem = httpUrlProblem(url);
  if (url !== undefined && problem === undefined) return url.origin;
  context.addIssue({ code: 'custom', message: problem ?? '' });
  return z.NEVER;
});

/** Only the origin is used: what else the URL says would be left out without a word. */
function httpUrlProblem(url: URL | undefined): string | undefined {
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    return 'must be an http(s) URL such as http://127.0.0.1:8123';
  if (url.username !== '' || url.password !== '')
    return 'must not hold credentials: use CLICKHOUSE_USER and CLICKHOUSE_PASSWORD';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'must be an origin without a path';
  return undefined;
}

export const hostPort = text
  .regex(/^[^\s:/]+:\d{1,5}$|^\[[^\]]+\]:\d{1,5}$/, 'must be host:port such as 127.0.0.1:7233')
  .refine((value) => Number(value.slice(value.lastIndexOf(':') + 1)) <= 65535, 'must have a port up to 65535');
export const name = text.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'may hold letters, digits and _ only');
export const tenantName = text.regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
  'may hold letters, digits, dot, dash and _ only',
);
export const start = text.refine(
  (value) => value === 'oldest' || (/^\d{4}-\d\d-\d\d/.test(value) && parseInstant(value) !== undefined),
  'must be "oldest" or an ISO 8601 date such as 2026-01-31',
);
export const names = text.transform((value) =>
  value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
);

/** PEM; a file of one-line values carries its line ends as a backslash and an n. */
export const rsaPrivateKey = text.transform((value, context) => {
  const pem = `${value.replaceAll(/(?:\\r)?\\n/g, '\n').trim()}\n`;
  const parsed = parsePrivateKey(pem);
  if (!('problem' in parsed)) return pem;
  context.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

export const share = text.regex(/^(0(\.\d+)?|1(\.0+)?)$/, 'must be a share between 0 and 1').transform(Number);

/** Resources by name, each once. */
export const resourceNames = names.transform((words, context) => {
  const known = words.filter((word) => isResourceName(word));
  if (known.length === words.length && words.length > 0) return [...new Set(known)];
  context.addIssue({ code: 'custom', message: `may hold ${RESOURCES.join(', ')} only` });
  return z.NEVER;
});

/** A port, or the word `off`. */
export const portOrOff = text.transform((value, context): number | 'off' => {
  if (value === 'off') return value;
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return Number(value);
  context.addIssue({ code: 'custom', message: 'must be a port between 0 and 65535, or off' });
  return z.NEVER;
});

/** An http(s) URL whose path is kept, as OpenTelemetry's endpoints have one. */
export const endpointUrl = text.refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return (url?.protocol === 'http:' || url?.protocol === 'https:') && url.username === '' && url.password === '';
}, 'must be an http(s) URL without credentials, such as http://127.0.0.1:4318');

/** Host names, comma separated, without ports. */
export const hostList = text
  .regex(/^[A-Za-z0-9.-]+(\s*,\s*[A-Za-z0-9.-]+)*$/, 'must be host names, comma separated, without ports')
  .transform((value) => value.split(',').map((name) => name.trim()));

/** `name=value,name=value`, values percent-encoded, as OpenTelemetry has it. */
export const headerList = text.transform((value, context) => {
  const pairs = value
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()] as const);
  const decoded = pairs.map(([name, text]) => [name, decode(text)] as const);
  const isValid =
    !/(^|,)[^=,]+(,|$)/.test(value) &&
    decoded.every(([name, text]) => /^[A-Za-z0-9-]+$/.test(name) && text !== undefined);
  if (isValid) return Object.fromEntries(decoded.map(([name, text]) => [name, text ?? '']));
  context.addIssue({ code: 'custom', message: 'must be name=value, comma separated' });
  return z.NEVER;
});

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
