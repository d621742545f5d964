import { type Check, createKeywords } from './keywords.js';

/** Ends of the names that `isSecretName` knows, up to a plural or a suffix. */
const NAMES = [
  'secret password passwd passwort pass passphrase passcode pwd token authorization authheader assertion samlresponse',
  'key keyid key_id key-id verifier answer phrase mnemonic invitationurl invitation_url inviteurl invite_url magiclink',
  'magic_link connectionstring connection_string verificationtxt verification_txt sumosourceaddress sumo_source_address',
  'bearer psk pfx pkcs12 otp ticket ticketid ticket_id invitation header',
  ...['', '_', '-'].map((gap) =>
    ['otp', 'oob', 'mfa', 'device', 'recovery', 'backup', 'authorization', 'auth', 'time']
      .map((word) => `${word}${gap}code`)
      .join(' '),
  ),
].flatMap((words) => words.split(' '));

/** What issuers begin their tokens with: see `secretsByShape`. */
const PREFIXES =
  'eyj ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- glrt- npm_ dop_v1 doo_v1 shpat_ shpca_ shppa_ shpss_ lin_api figd pul- tskey- pypi- sntrys_ dapi rnd_ sk_ rk_ whsec_ sess_ sk- xox xapp- aiza ya29. 1//0 gocspx- sg. hvs. hvb. hvr. eaa v1. $2 $argon2 $scrypt $pbkdf2 $5$ $6$ $7$ $y$ $gy$ "code":"';

const always: Check = () => true;
const bySeparator: Check = (bytes, end) => bytes[end] === EQUALS || bytes[end] === PERCENT;

const CHECKS = new Map<string, Check>([
  ...NAMES.map((word) => [word, isNameOfSecret] as const),
  ...['credential', 'cookie'].map((word) => [word, isNameOfSecretText] as const),
  ...['code', 'sig', 'signature', 'auth', 'jwt'].map((word) => [word, bySeparator] as const),
  ...['"value"', 'addons"', '"kty"', ' --', 'private key', 'hooks.slack', 'webhook', 'sumologic', '&quot', '&#'].map(
    (word) => [word, always] as const,
  ),
  ...['bearer ', 'basic ', 'splunk ', 'ssws ', 'apikey ', 'token '].map((word): [string, Check] => [
    word,
    (bytes, end) => tokenLength(bytes, end, 8) >= 8,
  ]),
  ...PREFIXES.split(' ').map((word): [string, Check] => [word, (bytes, end) => tokenLength(bytes, end, 16) >= 16]),
  ...['akia', 'asia', 'abia', 'acca'].map((word): [string, Check] => [
    word,
    (bytes, end) => isUpperOrDigit(bytes[end]),
  ]),
  ['://', isUserInfo],
  [String.raw`:\/\/`, isUserInfo],
  ['%', isEncodedLetter],
  [String.raw`\u00`, (bytes, end) => (bytes[end] ?? 0) < 0x38],
]);
const mayHold = createKeywords(CHECKS);

/** Larger records get memory of their own. */
const SCRATCH_BYTES = 256 * 1024;
let scratch = Buffer.allocUnsafe(16 * 1024);

/**
 * Cheap test on a JSON text, or a piece of one: where it says no, nothing can be secret. It says yes where a name that
 * may be a secret's stands before a value that is not masked, and where a secret's form begins.
 */
export function mayHoldSecrets(text: string): boolean {
  // At most so many bytes a character; non-ASCII ones are never taken for something else.
  const most = text.length * 3;
  if (most > scratch.length && most <= SCRATCH_BYTES) scratch = Buffer.allocUnsafe(most * 2);
  const bytes = most > scratch.length ? Buffer.allocUnsafe(most) : scratch;
  return mayHold(bytes, bytes.write(text));
}

const [QUOTE, SPACE, COLON, EQUALS, PERCENT, STAR, BRACE] = [0x22, 0x20, 0x3a, 0x3d, 0x25, 0x2a, 0x7b];
/** What may stand between a name and its value in a text: `=`, `\"`, `%3D`, `'`, `: `, `>`, `&quot;`, `[]=`. */
const SEPARATORS = new Set(Buffer.from("\\=%:'`>&[ "));
const MAX_SUFFIX = 14;

function isNameOfSecret(bytes: Uint8Array, end: number, length: number): boolean {
  return valueBehind(bytes, end, length) !== null;
}

/** Of these names objects are no secrets by themselves: the `credentials` of each call of the Management API. */
function isNameOfSecretText(bytes: Uint8Array, end: number, length: number): boolean {
  const value = valueBehind(bytes, end, length);
  return value !== null && bytes[value] !== BRACE;
}

/** Where the value behind the end of a name begins; null where it is no name, or its value is masked. */
function valueBehind(bytes: Uint8Array, end: number, length: number): number | null {
  let at = bytes[end] === 0x73 ? end + 1 : end;
  // Another word has begun: `passport`.
  if ((bytes[at] ?? 0) >= 0x61 && (bytes[at] ?? 0) <= 0x7a) return null;
  const last = Math.min(end + MAX_SUFFIX, length);
  while (at < last && isWord(bytes[at])) at++;
  if (at >= length) return null;
  if (bytes[at] === SPACE) return bytes[at + 1] === EQUALS || bytes[at + 1] === COLON ? at : null;
  if (bytes[at] !== QUOTE) return SEPARATORS.has(bytes[at] ?? 0) ? at : null;
  at = skipSpaces(bytes, at + 1);
  if (bytes[at] !== COLON) return null;
  at = skipSpaces(bytes, at + 1);
  const first = bytes[at] ?? 0;
  // `null`, `true`, `false`.
  if (first === 0x6e || first === 0x74 || first === 0x66) return null;
  if (first !== QUOTE) return at;
  let inside = at + 1;
  while (bytes[inside] === STAR) inside++;
  return bytes[inside] === QUOTE ? null : at;
}

function skipSpaces(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === SPACE || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

/** `user:password@` before the host. */
function isUserInfo(bytes: Uint8Array, end: number, length: number): boolean {
  const last = Math.min(end + 512, length);
  for (let at = end; at < last; at++) {
    const byte = bytes[at];
    if (byte === 0x40) return true;
    if (byte === QUOTE || byte === SPACE || byte === 0x2f || byte === 0x3f || byte === 0x5c) return false;
  }
  return false;
}

/** `%63` is a `c`: the name of a secret can hide behind it. Also doubly encoded, as `%2563`. */
function isEncodedLetter(bytes: Uint8Array, end: number): boolean {
  let at = end;
  while (bytes[at] === 0x32 && bytes[at + 1] === 0x35) at += 2;
  const [high = 0, low = 0] = [bytes[at], bytes[at + 1]];
  const isZero = low === 0x30;
  if (high === 0x34 || high === 0x36) return !isZero;
  return (high === 0x35 || high === 0x37) && ((low >= 0x30 && low <= 0x39) || low === 0x41 || low === 0x61);
}

function tokenLength(bytes: Uint8Array, from: number, most: number): number {
  let at = from;
  while (at < from + most && (isWord(bytes[at]) || TOKEN_SIGNS.has(bytes[at] ?? 0))) at++;
  return at - from;
}

const TOKEN_SIGNS = new Set(Buffer.from('.+/=~$,\\'));

function isUpperOrDigit(byte = 0): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a);
}

function isWord(byte = 0): boolean {
  return isUpperOrDigit(byte) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte === 0x2d;
}
