import { hexText, mix, pick } from './random.js';
import type { TimeText } from './time-text.js';
import type { UserFacts } from './user-facts.js';
import { SECRET_MARKER } from './user-identity.js';
import { quoteWire, toWire, type Members, type WireText } from './wire-text.js';

const SALT = { ip: 31, metadata: 32, token: 33, multifactor: 34, verified: 35, avatar: 36, linked: 37 } as const;

/** How a user is written. */
export interface UserStyle {
  /** Whether identities hold the tokens of their providers. */
  readonly identityTokens: boolean;
  /** Fields to write; all when undefined. */
  readonly only?: ReadonlySet<string>;
}

type FieldWriter = (user: UserFacts) => WireText | undefined;

/** Writes users as JSON, field by field, always the same bytes for the same user. */
export class UserRecords {
  readonly #seed: number;
  readonly #time: TimeText;
  readonly #motto = toWire('🚀 schön');
  readonly #writers: readonly (readonly [string, FieldWriter])[];
  readonly #writersWithoutTokens: readonly (readonly [string, FieldWriter])[];

  constructor(seed: number, time: TimeText) {
    this.#seed = seed;
    this.#time = time;
    this.#writers = this.#fieldWriters(true);
    this.#writersWithoutTokens = this.#fieldWriters(false);
  }

  /** Members of a user's JSON object, in order. Unset fields are absent. */
  members(user: UserFacts, style: UserStyle): Members {
    const members: [string, WireText][] = [];
    const writers = style.identityTokens ? this.#writers : this.#writersWithoutTokens;
    for (const [name, write] of writers) {
      if (style.only !== undefined && !style.only.has(name)) continue;
      const text = write(user);
      if (text !== undefined) members.push([name, text]);
    }
    return members;
  }

  #fieldWriters(identityTokens: boolean): readonly (readonly [string, FieldWriter])[] {
    return [
      ['created_at', (user) => this.#instant(user.createdMs)],
      ['email', (user) => (user.email === undefined ? undefined : `"${user.email}"`)],
      [
        'email_verified',
        (user) => (user.email === undefined ? undefined : String(this.#in(user, SALT.verified, 10) > 1)),
      ],
      ['family_name', (user) => (isFederated(user) ? `"${user.family.wire}"` : undefined)],
      ['given_name', (user) => (isFederated(user) ? `"${user.given.wire}"` : undefined)],
      ['identities', (user) => this.#identities(user, identityTokens)],
      ['name', (user) => `"${user.phone ?? `${user.given.wire} ${user.family.wire}`}"`],
      ['nickname', (user) => `"${user.given.ascii}${user.revision > 0 ? `-r${user.revision}` : ''}"`],
      ['phone_number', (user) => (user.phone === undefined ? undefined : `"${user.phone}"`)],
      ['phone_verified', (user) => (user.phone === undefined ? undefined : 'true')],
      [
        'picture',
        (user) => `"https://s.gravatar.com/avatar/${hexText(this.#seed, user.index, SALT.avatar, 32)}?s=480&r=pg"`,
      ],
      ['updated_at', (user) => this.#instant(user.updatedMs)],
      ['user_id', (user) => quoteWire(user.userId)],
      ['username', (user) => (this.#hasUsername(user) ? `"${user.given.ascii}_${user.index}"` : undefined)],
      ['locale', (user) => (user.kind.provider === 'google-oauth2' ? '"en-GB"' : undefined)],
      ['upn', (user) => (user.kind.provider === 'waad' ? `"${user.given.ascii}@${user.company}.example"` : undefined)],
      ['blocked', (user) => (user.blocked ? 'true' : undefined)],
      ['multifactor', (user) => (this.#in(user, SALT.multifactor, 9) === 0 ? '["guardian"]' : undefined)],
      ['app_metadata', (user) => this.#appMetadata(user)],
      ['user_metadata', (user) => this.#userMetadata(user)],
      ['last_ip', (user) => (user.lastLoginMs === undefined ? undefined : `"${this.#ip(user)}"`)],
      ['last_login', (user) => (user.lastLoginMs === undefined ? undefined : this.#instant(user.lastLoginMs))],
      [
        'last_password_reset',
        (user) => (this.#in(user, SALT.verified, 23) === 0 ? this.#instant(user.createdMs) : undefined),
      ],
      ['logins_count', (user) => (user.logins === 0 ? undefined : String(user.logins))],
    ];
  }

  #in(user: UserFacts, salt: number, size: number): number {
    return mix(this.#seed, user.index, salt) % size;
  }

  #instant(ms: number): WireText {
    return `"${this.#time.iso(ms)}"`;
  }

  #hasUsername(user: UserFacts): boolean {
    return user.kind.strategyType === 'database' && user.index % 4 === 0;
  }

  #ip(user: UserFacts): string {
    const bits = mix(this.#seed, user.index, SALT.ip);
    if (bits % 7 === 0) return `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::1`;
    return `203.0.${(bits >>> 8) & 255}.${bits & 255}`;
  }

  #identities(user: UserFacts, tokens: boolean): WireText {
    const { kind } = user;
    // Numeric ids of social providers come as numbers in some answers.
    const id = kind.provider === 'facebook' ? user.localId : quoteWire(user.localId);
    let text = `[{"connection":"${kind.connection}","provider":"${kind.provider}","user_id":${id},"isSocial":${kind.isSocial}`;
    if (tokens && kind.isSocial) text += this.#tokens(user);
    text += '}';
    if (this.#in(user, SALT.linked, 40) === 0) {
      text += `,{"profileData":{"phone_number":"+1555${user.index}","phone_verified":true},"connection":"sms","provider":"sms","user_id":"${hexText(this.#seed, user.index, SALT.linked, 24)}","isSocial":false}`;
    }
    return `${text}]`;
  }

  #tokens(user: UserFacts): WireText {
    const value = (name: string) => `"${name}-${SECRET_MARKER}-${hexText(this.#seed, user.index, SALT.token, 16)}"`;
    const access = `,"access_token":${value('access')}`;
    if (user.kind.provider === 'twitter') return `${access},"access_token_secret":${value('token')}`;
    if (user.kind.provider === 'google-oauth2')
      return `${access},"expires_in":3599,"refresh_token":${value('refresh')}`;
    return access;
  }

  #appMetadata(user: UserFacts): WireText | undefined {
    const revision = user.revision > 0 ? `,"revision":${user.revision}` : '';
    const tier = pick(['free', 'team', 'enterprise'], user.index);
    switch (this.#in(user, SALT.metadata, 5)) {
      case 0:
        return user.revision > 0 ? `{"revision":${user.revision}}` : undefined;
      case 1:
        return `{"plan":"${tier}","roles":["viewer","editor"]${revision}}`;
      case 2:
        return `{"plan":{"tier":"${tier}","seats":${user.index % 90},"price":1.10,"until":null},"external_ids":[{"crm":123456789012345678901234}]${revision}}`;
      case 3:
        return `{"plan":null,"flags":{},"history":[]${revision}}`;
      default:
        return `{"authorization":{"groups":["${user.company}","staff"],"roles":[],"permissions":["read:reports"]}${revision}}`;
    }
  }

  #userMetadata(user: UserFacts): WireText | undefined {
    switch (this.#in(user, SALT.metadata + 100, 4)) {
      case 0:
        return undefined;
      case 1:
        return '{}';
      case 2:
        return `{"language":"de","theme":"dark","note":"caf\\u00e9 \\/ bar","score":0.50}`;
      default:
        return `{"motto":"${user.given.wire} ${this.#motto}","newsletter":${user.index % 2 === 0},"tags":["a","\\u00df","\\""]}`;
    }
  }
}

function isFederated(user: UserFacts): boolean {
  return user.kind.strategyType !== 'database' && user.email !== undefined;
}
