import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

import { managementError } from './api-error.js';

const MAX_KNOWN = 10_000;

/** What a token says. */
export interface TokenClaims {
  readonly scope: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

/** Mints access tokens and checks them. Tokens stay good over a restart, since the key follows from the seed. */
export class TokenIssuer {
  readonly #seed: number;
  readonly #known = new Map<string, TokenClaims>();
  #generation = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Mints a token for a client. */
  mint(grant: {
    readonly issuer: string;
    readonly audience: string;
    readonly clientId: string;
    readonly scope: string;
    readonly lifetimeSeconds: number;
    readonly nowMs: number;
  }): string {
    const iat = Math.floor(grant.nowMs / 1000);
    const subject = `${grant.clientId}@clients`;
    const claims = { iss: grant.issuer, sub: subject, aud: grant.audience, iat, exp: iat + grant.lifetimeSeconds };
    const rest = { scope: grant.scope, gty: 'client-credentials', azp: grant.clientId, jti: randomUUID() };
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, ...rest })}`;
    return `${signed}.${this.#signature(signed)}`;
  }

  /** Makes every token minted so far unknown. */
  revokeAll(): void {
    this.#generation++;
    this.#known.clear();
  }

  /** Checks an Authorization header and says the scopes. Throws the API's 401 for a missing, unknown or expired token. */
  check(authorization: string | undefined, nowMs: number): ReadonlySet<string> {
    const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw managementError(401, 'Missing authentication');
    const claims = this.#known.get(token) ?? this.#verified(token);
    if (claims.exp * 1000 <= nowMs) throw refused('Expired token received for JSON Web Token validation');
    return new Set(claims.scope.split(' '));
  }

  #verified(token: string): TokenClaims {
    const [header, payload, signature] = token.split('.');
    if (header === undefined || payload === undefined || signature === undefined) throw refused('Invalid token');
    const expected = Buffer.from(this.#signature(`${header}.${payload}`));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
      throw refused('Invalid signature received for JSON Web Token validation');
    }
    const { scope, exp } = decodeClaims(payload);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(token, { scope, exp });
    return { scope, exp };
  }

  #signature(text: string): string {
    return createHmac('sha256', `emulator ${this.#seed} ${this.#generation}`).update(text).digest('base64url');
  }
}

function refused(message: string): Error {
  return managementError(401, message, undefined, { error: message });
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decodeClaims(payload: string): TokenClaims {
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  if (typeof claims !== 'object' || claims === null) throw refused('Invalid token');
  const scope = 'scope' in claims && typeof claims.scope === 'string' ? claims.scope : '';
  const exp = 'exp' in claims && typeof claims.exp === 'number' ? claims.exp : 0;
  return { scope, exp };
}
