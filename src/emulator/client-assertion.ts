import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LONGEST_LIFE_S = 300;
/** How far ahead of the tenant's clock `iat` and `nbf` may be. */
const SKEW_S = 10;

export const KEY_ALGORITHMS = ['RS256', 'RS384', 'PS256'] as const;

/** A credential of the client, as a tenant holds it for Private Key JWT. */
export interface ClientKey {
  /** PEM of the RSA public key, or of a certificate with it. */
  readonly publicKey: string;
  /** Algorithm that it was registered with; RS256 when absent. */
  readonly algorithm?: (typeof KEY_ALGORITHMS)[number];
  /** Its kid; when absent, an assertion may name any. */
  readonly keyId?: string;
}

const headerSchema = z.object({ alg: z.enum(KEY_ALGORITHMS), kid: z.string().optional() });
const claimsSchema = z.object({
  iss: z.string().max(64),
  sub: z.string().max(64),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().min(1).max(64),
});

/** Decides whether client assertions prove who sends them, and lets each through once. */
export class ClientAssertions {
  readonly #key: KeyObject;
  readonly #registered: ClientKey;
  readonly #clientId: string;
  /** Ends (seconds since 1970) of the assertions that were let through, by their jti. */
  readonly #used = new Map<string, number>();

  /** Throws a RangeError for a text that is no RSA public key. */
  constructor(clientId: string, registered: ClientKey) {
    this.#clientId = clientId;
    this.#registered = registered;
    this.#key = readPublicKey(registered.publicKey);
  }

  /** Whether the assertion is good now, for one of these audiences; from then on it is used up. */
  accept(
    given: { readonly type: string | undefined; readonly assertion: string | undefined },
    audiences: readonly string[],
    nowMs: number,
  ): boolean {
    if (given.type !== TYPE || given.assertion === undefined) return false;
    const claims = this.#signedClaims(given.assertion);
    if (claims === undefined) return false;
    const now = Math.floor(nowMs / 1000);
    const { iss, sub, aud, exp, iat = now, nbf = now, jti } = claims;
    if (iss !== this.#clientId || sub !== this.#clientId) return false;
    if (![aud].flat().some((audience) => audiences.includes(audience))) return false;
    if (exp <= now || exp - iat > LONGEST_LIFE_S) return false;
    if (iat > now + SKEW_S || nbf > now + SKEW_S) return false;
    for (const [id, end] of this.#used) if (end <= now) this.#used.delete(id);
    if (this.#used.has(jti)) return false;
    this.#used.set(jti, exp);
    return true;
  }

  #signedClaims(assertion: string): z.infer<typeof claimsSchema> | undefined {
    const [head = '', body = '', signature, ...more] = assertion.split('.');
    if (signature === undefined || more.length > 0) return undefined;
    const header = headerSchema.safeParse(decode(head)).data;
    const { algorithm = 'RS256', keyId } = this.#registered;
    if (header?.alg !== algorithm) return undefined;
    if (keyId !== undefined && header.kid !== undefined && header.kid !== keyId) return undefined;
    const key = algorithm === 'PS256' ? { key: this.#key, ...PSS } : this.#key;
    const digest = algorithm === 'RS384' ? 'sha384' : 'sha256';
    const isSigned = verify(digest, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
    return isSigned ? claimsSchema.safeParse(decode(body)).data : undefined;
  }
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

function readPublicKey(pem: string): KeyObject {
  // Of a private key, node would quietly make the public one.
  if (/PRIVATE KEY-----/.test(pem)) throw new RangeError('clientKey must be the public key, not the private one.');
  let key: KeyObject | undefined;
  try {
    key = createPublicKey(pem);
  } catch {
    // The library's words do not help.
  }
  if (key?.asymmetricKeyType !== 'rsa') throw new RangeError('clientKey must be an RSA public key in PEM form.');
  return key;
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
