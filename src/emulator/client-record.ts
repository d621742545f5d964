import type { ClientIdentities } from './client-identity.js';
import { hexText, mix, pick } from './random.js';
import { SECRET_MARKER } from './user-identity.js';
import { jsonWire, toWire, type Members, type WireText } from './wire-text.js';

const SALT = { type: 71, addon: 72, secret: 73 } as const;

/** Top-level members that only tokens with read:client_keys or read:client_credentials see. */
export const CLIENT_SECRET_FIELDS: ReadonlySet<string> = new Set([
  'client_secret',
  'encryption_key',
  'client_authentication_methods',
  'signing_key',
  'signing_keys',
]);

/** Writes clients as JSON, always the same bytes for the same client and revision. */
export class ClientRecords {
  readonly #seed: number;
  readonly #tenant: WireText;
  readonly #identities: ClientIdentities;

  constructor(seed: number, tenant: string, identities: ClientIdentities) {
    this.#seed = seed;
    this.#tenant = jsonWire(tenant);
    this.#identities = identities;
  }

  /** Members of a client's JSON object, secrets among them. `revision` counts how often it was changed. */
  members(index: number, revision: number): Members {
    const { clientId, name, isGlobal } = this.#identities.at(index);
    if (isGlobal) return this.#globalMembers(clientId, name);
    const appType = pick(
      ['spa', 'native', 'regular_web', 'non_interactive', undefined],
      mix(this.#seed, index, SALT.type),
    );
    const members: [string, WireText][] = [
      ['tenant', this.#tenant],
      ['global', 'false'],
      ['is_token_endpoint_ip_header_trusted', 'false'],
      ['name', jsonWire(revision > 0 ? `${name} (rev ${revision})` : name)],
    ];
    if (index % 3 === 0) members.push(['description', toWire('"Caf\\u00e9 \\/ kiosk – naïve 🙂"')]);
    members.push(
      [
        'callbacks',
        index % 4 === 0 ? '[]' : `["https:\\/\\/app${index}.example\\/callback","http:\\/\\/localhost:3000"]`,
      ],
      ['is_first_party', String(index % 10 !== 0)],
      ['oidc_conformant', 'true'],
      ['sso_disabled', 'false'],
      ['cross_origin_auth', 'false'],
      [
        'refresh_token',
        '{"expiration_type":"expiring","leeway":0,"token_lifetime":2592000,"rotation_type":"rotating"}',
      ],
      ['signing_keys', this.#signingKeys(index)],
      ['client_id', `"${clientId}"`],
      ['callback_url_template', 'false'],
      ['client_secret', this.#secret(index, 'client')],
      ['jwt_configuration', '{"alg":"RS256","lifetime_in_seconds":36000,"secret_encoded":false}'],
      [
        'grant_types',
        appType === 'non_interactive' ? '["client_credentials"]' : '["authorization_code","refresh_token"]',
      ],
    );
    if (appType !== undefined) members.push(['app_type', `"${appType}"`]);
    const addons = this.#addons(index);
    if (addons !== undefined) members.push(['addons', addons]);
    if (index % 5 === 0) members.push(['encryption_key', this.#encryptionKey(index)]);
    if (index % 11 === 0)
      members.push(['client_authentication_methods', `{"private_key_jwt":{"credentials":[{"id":"cred_${index}"}]}}`]);
    if (index % 2 === 0)
      members.push(['client_metadata', `{"team":"platform","cost_center":"${1000 + index}","ratio":"1.10"}`]);
    members.push(['custom_login_page_on', 'true'], ['organization_usage', index % 6 === 0 ? 'null' : '"deny"']);
    return members;
  }

  #globalMembers(clientId: string, name: string): Members {
    return [
      ['tenant', this.#tenant],
      ['global', 'true'],
      ['callbacks', '[]'],
      ['is_first_party', 'true'],
      ['name', `"${name}"`],
      ['refresh_token', '{"expiration_type":"non-expiring","leeway":0,"rotation_type":"non-rotating"}'],
      ['signing_keys', this.#signingKeys(0)],
      ['owners', '["mr|auth0|5f1a","mr|auth0|6b2c"]'],
      ['custom_login_page', '"<html>\\n<body>TEST123<\\/body>\\n<\\/html>\\n"'],
      ['cross_origin_authentication', 'true'],
      ['client_id', `"${clientId}"`],
      ['callback_url_template', 'false'],
      ['client_secret', this.#secret(0, 'client')],
      ['jwt_configuration', '{"lifetime_in_seconds":36000,"secret_encoded":true}'],
    ];
  }

  #secret(index: number, name: string): WireText {
    return `"${name}-${SECRET_MARKER}-${hexText(this.#seed, index, SALT.secret, 32)}"`;
  }

  #signingKeys(index: number): WireText {
    const pem = (label: string) =>
      `"-----BEGIN ${label}-----\\r\\nMIIC${SECRET_MARKER}${hexText(this.#seed, index, SALT.secret + 1, 40)}\\r\\n-----END ${label}-----\\r\\n"`;
    return `[{"cert":${pem('CERTIFICATE')},"pkcs7":${pem('PKCS7')},"subject":"deprecated"}]`;
  }

  #encryptionKey(index: number): WireText {
    return `{"pub":${this.#secret(index, 'pub')},"cert":${this.#secret(index, 'cert')},"subject":"\\/CN=emulator"}`;
  }

  #addons(index: number): WireText | undefined {
    switch (mix(this.#seed, index, SALT.addon) % 7) {
      case 0:
        return '{}';
      case 1:
        return `{"firebase":{"secret":${this.#secret(index, 'firebase')},"private_key_id":${this.#secret(index, 'keyid')},"private_key":${this.#secret(index, 'private')},"client_email":"svc@acme.example","lifetime_in_seconds":3600}}`;
      case 2:
        return `{"azure_sb":{"namespace":"acme","sasKeyName":"root","sasKey":${this.#secret(index, 'sas')},"entityPath":"queue","expiration":10}}`;
      case 3:
        return `{"layer":{"providerId":"layer:${index}","keyId":"key","privateKey":${this.#secret(index, 'layer')},"expiration":null}}`;
      case 4:
        return `{"sap_api":{"clientid":"sap","usernameAttribute":"email","servicePassword":${this.#secret(index, 'sap')}},"samlp":{"audience":"urn:acme","lifetimeInSeconds":3600}}`;
      default:
        return undefined;
    }
  }
}
