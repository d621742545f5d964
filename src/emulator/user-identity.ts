import { fraction, hex8, hexText, mix, pick, scramble, unscramble } from './random.js';
import type { Name, Vocabulary } from './vocabulary.js';

/** Marker inside every secret the tenant holds, so that a leak is found by searching for it. */
export const SECRET_MARKER = 's3cr3t';

const SALT = { provider: 11, given: 12, family: 13, company: 14, id: 15, phone: 16 } as const;

/** How a kind of account signs in. */
export interface AccountKind {
  readonly provider: string;
  readonly connection: string;
  readonly connectionId: string;
  readonly isSocial: boolean;
  readonly strategyType: 'database' | 'social' | 'enterprise' | 'passwordless';
  /** Part of all users, in percent. */
  readonly share: number;
}

function kind(
  provider: string,
  connection: string,
  suffix: string,
  strategyType: AccountKind['strategyType'],
  share: number,
): AccountKind {
  const connectionId = `con_${suffix.padEnd(16, '0').slice(0, 16)}`;
  return { provider, connection, connectionId, isSocial: strategyType === 'social', strategyType, share };
}

/** The connections of the tenant. */
export function accountKinds(): readonly [AccountKind, ...AccountKind[]] {
  return [
    kind('auth0', 'Username-Password-Authentication', 'DbUsers', 'database', 58),
    kind('google-oauth2', 'google-oauth2', 'GoogleSocial', 'social', 16),
    kind('samlp', 'corp-saml', 'CorpSaml', 'enterprise', 8),
    kind('facebook', 'facebook', 'FacebookSocial', 'social', 5),
    kind('twitter', 'twitter', 'TwitterSocial', 'social', 2),
    kind('waad', 'contoso-waad', 'ContosoWaad', 'enterprise', 5),
    kind('ad', 'corp-ad', 'CorpDirectory', 'enterprise', 3),
    kind('sms', 'sms', 'SmsCodes', 'passwordless', 3),
  ];
}

/** Who a user is; never changes. */
export interface UserIdentity {
  readonly index: number;
  readonly kind: AccountKind;
  readonly given: Name;
  readonly family: Name;
  readonly company: string;
  /** The id without its provider. */
  readonly localId: string;
  readonly userId: string;
  /** Absent for people who sign in by phone. */
  readonly email: string | undefined;
  readonly phone: string | undefined;
}

/** Makes the identities of a tenant's users, each a function of (seed, index), and finds the index of an id again. */
export class UserIdentities {
  readonly #seed: number;
  readonly #words: Vocabulary;
  readonly kinds: readonly [AccountKind, ...AccountKind[]];

  constructor(seed: number, words: Vocabulary) {
    this.#seed = seed;
    this.#words = words;
    this.kinds = accountKinds();
  }

  /** The user with that index. */
  at(index: number): UserIdentity {
    const seed = this.#seed;
    const kind = this.#kindOf(index);
    const given = pick(this.#words.given, mix(seed, index, SALT.given));
    const family = pick(this.#words.family, mix(seed, index, SALT.family));
    const company = pick(this.#words.companies, mix(seed, index, SALT.company));
    const tail = scramble(index);
    const localId = this.#localId(kind, given, family, company, index, tail);
    const isPhone = kind.strategyType === 'passwordless';
    return {
      index,
      kind,
      given,
      family,
      company,
      localId,
      userId: `${kind.provider}|${localId}`,
      email: isPhone ? undefined : `${given.ascii}.${family.ascii}.${tail.toString(36)}@${company}.example`,
      phone: isPhone ? `+1555${String(1e10 + tail).slice(1)}` : undefined,
    };
  }

  /** Index that a user id belongs to, undefined when no user, however high its index, has it. */
  indexOf(userId: string): number | undefined {
    const hex = /([0-9a-f]{8})(?:@[a-z]+\.example)?$/.exec(userId)?.[1];
    const digits = /(\d{10})$/.exec(userId)?.[1];
    const candidates = [hex === undefined ? -1 : Number.parseInt(hex, 16), digits === undefined ? -1 : Number(digits)];
    for (const candidate of candidates) {
      if (candidate < 0 || candidate > 0xffff_ffff) continue;
      const index = unscramble(candidate);
      if (this.at(index).userId === userId) return index;
    }
    return undefined;
  }

  #kindOf(index: number): AccountKind {
    let rest = fraction(this.#seed, index, SALT.provider) * 100;
    for (const kind of this.kinds) {
      rest -= kind.share;
      if (rest < 0) return kind;
    }
    return this.kinds[0];
  }

  #localId(kind: AccountKind, given: Name, family: Name, company: string, index: number, tail: number): string {
    const digits = String(1e10 + tail).slice(1);
    switch (kind.provider) {
      case 'google-oauth2':
        return `1${String(1e10 + mix(this.#seed, index, SALT.id)).slice(1)}${digits}`;
      case 'facebook':
      case 'twitter':
        return `10${digits}`;
      case 'samlp':
        return `${kind.connection}|${given.ascii}.${family.ascii}.${hex8(tail)}@${company}.example`;
      case 'waad':
        return `${hexText(this.#seed, index, SALT.id, 24)} ${hex8(tail)}`;
      case 'ad':
        return `${kind.connection}|CORP\\${given.ascii} ${hex8(tail)}`;
      default:
        return hexText(this.#seed, index, SALT.id, 16) + hex8(tail);
    }
  }
}
