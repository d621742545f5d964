import type { Span } from './view.js';

/** Tokens whose issuers give them a prefix of their own, so that scanners find them. */
const PREFIXED = new RegExp(
  `(?<![A-Za-z\\d_-])(?:${[
    String.raw`(?:gh[pousr]|github_pat|glpat|glrt|npm|dop_v1|doo_v1|shp(?:at|ca|pa|ss)|lin_api|figd|pul|tskey|pypi|sntrys|dapi|rnd)[_-]?[A-Za-z\d_-]{20,}`,
    String.raw`(?:[sr]k|whsec|sess)_(?:live_|test_|prod_)?[A-Za-z\d+/_-]{16,}={0,2}`,
    String.raw`sk-(?:[a-z]+\d*-)*[A-Za-z\d_-]{20,}`,
    String.raw`xox[a-z]-[A-Za-z\d-]{10,}|xapp-[A-Za-z\d-]{10,}`,
    String.raw`(?:AKIA|ASIA|ABIA|ACCA)[A-Z\d]{16}`,
    String.raw`AIza[\w-]{35}`,
    String.raw`ya29\.[\w-]{20,}|1//0[\w-]{20,}|GOCSPX-[\w-]{20,}`,
    String.raw`SG\.[\w-]{16,}\.[\w-]{16,}`,
    String.raw`(?:hvs|hvb|hvr)\.[\w-]{20,}`,
    String.raw`EAA[A-Za-z\d]{60,}`,
    String.raw`AGE-SECRET-KEY-1[A-Z\d]{20,}`,
    // Refresh tokens of Auth0 before they were opaque.
    String.raw`v1\.[A-Za-z\d_-]{50,}`,
  ].join('|')})`,
  'g',
);

/** Two parts at least, each long: signed and encrypted tokens. `eyJ` is `{"` in base64. */
const JSON_WEB_TOKEN = /(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z\d ]*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]*?-----END [A-Z\d ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)/g;
const BCRYPT =
  /\$2[abxy]?\$\d\d\$[./A-Za-z\d]{53}|\$(?:argon2(?:id|i|d)|scrypt|pbkdf2-[a-z\d]+|5|6|7|y|gy)\$[A-Za-z\d./+=,$-]{30,}/g;
/** The name of a scheme, and what follows in the place of its credentials. */
const SCHEME = /\b(bearer|basic|splunk|ssws|apikey|token)(\s+)([\w.~+/-]{8,}={0,2})(?![\w="'])/gi;
const USER_INFO = /\b[a-z][a-z\d+.-]{1,20}:\/\/([^\s/?#"'<>@:]{0,200}):([^\s/"'<>]{1,500})@(?=[^\s@])/gi;
/** Addresses whose path is the credential. */
const HOOKS =
  /(hooks\.slack\.com\/(?:services|workflows)\/|discord(?:app)?\.com\/api\/webhooks\/|webhook\.office\.com\/|sumologic\.com\/receiver\/v1\/http\/)([^\s"'<>]+)/gi;

/** Pieces of a text that have the form of a secret, wherever they stand; with overlaps, in no order. */
export function secretsByShape(text: string): Span[] {
  const spans: Span[] = [];
  const take = (start: number, length: number): void => void spans.push({ start, end: start + length });
  for (const pattern of [PREFIXED, JSON_WEB_TOKEN, PRIVATE_KEY, BCRYPT])
    for (const match of text.matchAll(pattern)) take(match.index, match[0].length);
  for (const { index, 1: scheme = '', 2: space = '', 3: value = '' } of text.matchAll(SCHEME))
    if (isCredential(scheme.toLowerCase(), value)) take(index + scheme.length + space.length, value.length);
  for (const { index, 0: whole, 2: password = '' } of text.matchAll(USER_INFO))
    take(index + whole.length - 1 - password.length, password.length);
  for (const { index, 1: host = '', 2: path = '' } of text.matchAll(HOOKS)) take(index + host.length, path.length);
  return spans;
}

/** Against prose such as `bearer authentication` and `token endpoint`: words are letters, credentials are not. */
function isCredential(scheme: string, value: string): boolean {
  if (scheme === 'basic') {
    const pair = Buffer.from(value, 'base64').toString('latin1');
    return /^[\x20-\x7E]*:[\x20-\x7E]*$/.test(pair) && value.length % 4 !== 1;
  }
  if (scheme === 'bearer') return !/^[A-Za-z]+(?:-[a-z]+)*[.]?$/.test(value) || value.length >= 24;
  return /\d/.test(value) && value.length >= 16;
}
