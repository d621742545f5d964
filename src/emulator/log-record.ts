import type { ClientIdentities } from './client-identity.js';
import { createDetailsWriter } from './log-details.js';
import type { LogFacts } from './log-facts.js';
import { logId } from './log-id.js';
import { hex8, pick } from './random.js';
import type { TimeText } from './time-text.js';
import type { UserIdentities } from './user-identity.js';
import type { Place, Vocabulary } from './vocabulary.js';
import { jsonWire, quoteWire, toWire, type WireText } from './wire-text.js';

const CACHED_USERS = 16_384;

/** A user as logs mention it, ready to be put between quotes. */
interface MentionedUser {
  readonly index: number;
  readonly userId: WireText;
  readonly userName: WireText;
  readonly connection: WireText;
  readonly connectionId: WireText;
  readonly strategy: WireText;
  readonly strategyType: WireText;
}

/** What the writer of logs is made from. */
export interface LogRecordParts {
  readonly tenant: string;
  readonly time: TimeText;
  readonly words: Vocabulary;
  readonly users: UserIdentities;
  readonly clients: ClientIdentities;
}

/** Writes logs as JSON, always the same bytes for the same log. */
export class LogRecords {
  readonly #parts: LogRecordParts;
  readonly #details = createDetailsWriter();
  readonly #mentioned: (MentionedUser | undefined)[] = [];
  readonly #clientTexts = new Map<number, WireText>();
  readonly #devices: readonly [WireText, ...WireText[]];
  readonly #places: readonly [WireText, ...WireText[]];
  readonly #descriptions = new Map<string, WireText>();
  readonly #tenant: WireText;

  constructor(parts: LogRecordParts) {
    this.#parts = parts;
    this.#devices = mapPool(parts.words.userAgents, deviceText);
    this.#places = mapPool(parts.words.places, placeText);
    this.#tenant = toWire(parts.tenant);
  }

  /** JSON text of a log. */
  text(log: LogFacts): WireText {
    const { bits, kind } = log;
    const user = log.user === undefined ? undefined : this.#mention(log.user);
    const details = this.#details({
      log,
      connection: user?.connection ?? '',
      userName: user?.userName ?? '',
      userId: user?.userId ?? '',
    });
    const id = logId(log.ingestUs, log.index, this.#parts.time);
    const detailsText = details === undefined ? '' : `,"details":${details}`;
    return (
      `{"date":"${this.#parts.time.iso(log.dateMs)}","type":"${kind.type}"${this.#description(log)}` +
      `${connectionText(user, bits)}${this.#client(log)},"ip":"${ipText(bits)}"${pick(this.#devices, bits >>> 3)}` +
      `${detailsText},"hostname":${bits % 11 === 0 ? 'null' : `"${this.#tenant}.eu.auth0.com"`}${userText(user, bits)}` +
      `${grantText(log)}${organizationText(bits)},"log_id":"${id}","_id":"${id}"` +
      `,"tenant_name":"${this.#tenant}"${pick(this.#places, bits >>> 9)}${securityText(bits)}` +
      `,"$event_schema":{"version":"1.0.${bits % 4}"}}`
    );
  }

  #description(log: LogFacts): WireText {
    const { description, type } = log.kind;
    if (description === null) return log.bits % 6 === 0 ? ',"description":null' : '';
    const known = this.#descriptions.get(type);
    if (known !== undefined) return known;
    const text = `,"description":${jsonWire(description)}`;
    this.#descriptions.set(type, text);
    return text;
  }

  #client(log: LogFacts): WireText {
    if (log.client === undefined) return ',"client_id":"","client_name":""';
    const known = this.#clientTexts.get(log.client);
    if (known !== undefined) return known;
    const { clientId, name } = this.#parts.clients.at(log.client);
    // One client in nine is a resource server's, whose name the API leaves empty.
    const text = `,"client_id":"${clientId}","client_name":${log.client % 9 === 0 ? 'null' : jsonWire(name)}`;
    this.#clientTexts.set(log.client, text);
    return text;
  }

  // The same few users appear again and again, so their texts are kept in a table of fixed size.
  #mention(index: number): MentionedUser {
    const known = this.#mentioned[index % CACHED_USERS];
    if (known?.index === index) return known;
    const { email, phone, userId, kind } = this.#parts.users.at(index);
    const mentioned = {
      index,
      userId: inQuotes(userId),
      userName: inQuotes(email ?? phone ?? ''),
      connection: inQuotes(kind.connection),
      connectionId: kind.connectionId,
      strategy: kind.provider,
      strategyType: kind.strategyType,
    };
    this.#mentioned[index % CACHED_USERS] = mentioned;
    return mentioned;
  }
}

function inQuotes(text: string): WireText {
  return quoteWire(text).slice(1, -1);
}

function mapPool<T, R>(pool: readonly [T, ...T[]], map: (item: T) => R): readonly [R, ...R[]] {
  const [first, ...rest] = pool;
  return [map(first), ...rest.map(map)];
}

function deviceText(userAgent: string): WireText {
  const isMobile = /Mobile|Android|iOS/.test(userAgent);
  return `,"user_agent":${jsonWire(userAgent)},"isMobile":${isMobile},"auth0_client":{"name":"auth0-spa-js","version":"2.1.3"}`;
}

function placeText(place: Place): WireText {
  return `,"location_info":{"country_code":"${place.countryCode}","country_code3":"${place.countryCode3}","country_name":"${toWire(place.country)}","city_name":${jsonWire(place.city)},"latitude":${place.latitude},"longitude":${place.longitude},"time_zone":"${place.timeZone}","continent_code":"${place.continent}"}`;
}

function ipText(bits: number): string {
  if (bits % 8 === 0)
    return `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}:0:0:0:${bits & 15}`;
  return `198.51.${(bits >>> 8) & 255}.${bits & 255}`;
}

function connectionText(user: MentionedUser | undefined, bits: number): WireText {
  if (user === undefined) return bits % 3 === 0 ? ',"connection":null,"connection_id":""' : ',"connection_id":""';
  const connectionId = bits % 13 === 0 ? '' : user.connectionId;
  return `,"connection":"${user.connection}","connection_id":"${connectionId}"`;
}

function userText(user: MentionedUser | undefined, bits: number): WireText {
  if (user === undefined) return bits % 2 === 0 ? ',"user_id":"","user_name":""' : ',"user_id":null';
  const name = bits % 17 === 0 ? '' : `,"user_name":"${user.userName}"`;
  return `,"user_id":"${user.userId}"${name},"strategy":"${user.strategy}","strategy_type":"${user.strategyType}"`;
}

function grantText(log: LogFacts): WireText {
  if (log.kind.details !== 'exchange') return log.bits % 4 === 0 ? ',"audience":null,"scope":null' : '';
  const audience = ',"audience":"https:\\/\\/api.acme.example\\/v1"';
  return log.bits % 2 === 0
    ? `${audience},"scope":"openid profile email offline_access"`
    : `${audience},"scope":["openid","profile","email"]`;
}

function organizationText(bits: number): WireText {
  if (bits % 5 !== 0) return '';
  return `,"organization_id":"org_${hex8(bits % 40)}Zk9Qw3Rt","organization_name":"org-${bits % 40}"`;
}

function securityText(bits: number): WireText {
  if (bits % 3 === 0) return '';
  return `,"security_context":{"ja3":"${hex8(bits)}9b2e4c6d8f0a1b3c5d7e9f01","ja4":"t13d1516h2_8daaf6152771_${hex8(bits)}"}`;
}
