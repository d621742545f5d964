/** What stands behind a secret's own name and changes nothing about it: `password2`, `API_KEY_PROD`, `token_hash`. */
const SUFFIX =
  /(?:_(?:value|hash|plain|plaintext|raw|base64|encrypted|ciphertext|confirm|confirmation|old|new|current|previous|primary|secondary|prod|production|dev|development|staging|stage|test|live|sandbox)|_?\d{1,3})$/;

/** The last words of names whose values are secrets, in lower case and without separators. */
const SECRET_ENDS = new RegExp(
  `(?:${[
    'secrets?',
    'passwo?rds?|passwd|passphrase|passcode|pwd',
    'tokens?',
    'credentials?',
    'authorization|authheader',
    'cookies?',
    'assertion|samlresponse',
    '(?:api|app|application|private|secret|access|account|encryption|decryption|encrypt|signing|signature|shared|sas|storage|write|read|master|admin|service|hmac|auth|authorization|authentication|subscription|functions?|licen[cs]e|webhook|session|root|deploy|ssh|rsa|aes|symmetric|integration|ingest|ingestion|insert|push|server|security|activation|recovery|wrapping|pgp|gpg|tls|ssl|bot|maps|datadog|sendgrid|mandrill|stripe)keys?',
    '(?:access|private|secret)keyid',
    '(?:smtp|db|database|user|admin|ftp|mail|email|proxy|ldap|http|basic|auth|login|service|root|redis|mysql|postgres|pg|account|bind|keystore)pass',
    '(?:otp|oob|mfa|device|recovery|backup|authorization|auth|onetime)codes?|codeverifier',
    '(?:secret|security)answer|seedphrase|recoveryphrase|mnemonic',
    'invitationurl|inviteurl|magiclink|connectionstring|verificationtxt|sumosourceaddress',
  ].join('|')})$`,
);

/** Whole names, in lower case and without separators. */
const SECRET_NAMES = new Set(['pass', 'skey', 'otp', 'bearer', 'psk', 'pfx', 'pkcs12', 'clientkeys']);

/** Words that make of a secret's name one that tells about it: `has_password`, `accessedSecrets`, `public_signing_key`. */
const TELLING = new Set(
  'is has had no use uses allow allows enable enabled disable disabled require requires required show hide forgot forget reset change lost wrong invalid expired failed missing accessed public'.split(
    ' ',
  ),
);

/** Names in the query of a URL, beside those that are secrets everywhere. */
const SECRET_PARAMETERS = new Set([
  'ticket',
  'ticketid',
  'invitation',
  'sig',
  'signature',
  'xamzsignature',
  'xamzcredential',
  'xgoogsignature',
  'xgoogcredential',
]);

/** Names in a URL that are secrets where their values are long, and something else where they are short. */
const LONG_SECRET_PARAMETERS = new Set(['code', 'key', 'auth', 'jwt']);
const LONG = 16;

const known = new Map<string, boolean>();
const MAX_KNOWN = 10_000;

/**
 * Whether a member of this name holds a secret, by its last words and however it is written: `client_secret`,
 * `datadogApiKey`, `X-API-KEY`. Names that speak of one and hold none (`token_lifetime`, `password_policy`) do not.
 */
export function isSecretName(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const verdict = judge(name);
  // Names are few, unless somebody keeps ids as names.
  if (known.size < MAX_KNOWN && name.length <= 100) known.set(name, verdict);
  return verdict;
}

function judge(name: string): boolean {
  const words = snake(name).replace(SUFFIX, '');
  if (words.split('_').some((word) => TELLING.has(word))) return false;
  const squashed = words.replaceAll('_', '');
  return SECRET_NAMES.has(squashed) || SECRET_ENDS.test(squashed);
}

/** Whether a parameter of a URL, or of a form, holds a secret: also those that only URLs have, such as `ticket` and `sig`. */
export function isSecretParameter(name: string, value: string): boolean {
  if (isSecretName(name)) return true;
  const squashed = squash(name);
  return SECRET_PARAMETERS.has(squashed) || (LONG_SECRET_PARAMETERS.has(squashed) && value.length >= LONG);
}

/** Whether the value of a parameter of this name may make it a secret, though its name alone does not. */
export function isParameterName(name: string): boolean {
  const squashed = squash(name);
  return SECRET_PARAMETERS.has(squashed) || LONG_SECRET_PARAMETERS.has(squashed);
}

/** A name in lower case without separators. */
export function squash(name: string): string {
  return snake(name).replaceAll('_', '');
}

/** `datadogApiKey`, `X-API-KEY` and `smtp.pass` as `datadog_api_key`, `x_api_key` and `smtp_pass`. */
function snake(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z\d]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase();
}

const NO_SECRET =
  /^(?:\**|\[?<?_{0,2}(?:redacted|filtered|masked|hidden|removed|omitted)_{0,2}>?\]?|null|true|false|undefined|none)$/i;

/** Whether a value was masked by the tenant itself (`*****`), or is none. */
export function isMasked(value: string): boolean {
  return NO_SECRET.test(value);
}
