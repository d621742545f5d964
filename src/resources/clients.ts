import { column } from './columns.js';
import { type Resource, textKey } from './resource.js';

/** Of a signing key only its description is kept: neither the key nor the containers (pkcs7, cert) that may hold one. */
const SIGNING_KEY_PUBLIC = /^(\*|subject|kid|alg|thumbprint)$/;

/** Names under `addons` that hold, or in a customer's own add-on could hold, a secret. */
const ADDON_SECRET = /secret|passw(or)?d|token|credential|private_?key|key$|^sas/i;

/** Applications: GET /api/v2/clients. They carry no date of change, so each run takes a snapshot of all. */
export const clients: Resource = {
  name: 'clients',
  path: '/api/v2/clients',
  listName: 'clients',
  scope: 'read:clients',
  table: 'clients_raw',
  keyColumn: 'client_id',
  isKeyPersonal: false,
  keyOf: (record) => textKey(record, 'client_id'),
  columns: [
    column('name', 'text'),
    column('description', 'text'),
    column('app_type', 'text'),
    column('is_first_party', 'bool?'),
    column('is_global', 'bool?', 'global'),
    column('oidc_conformant', 'bool?'),
    column('token_endpoint_auth_method', 'text'),
    column('organization_usage', 'text'),
    column('grant_types', 'texts'),
    column('callbacks', 'texts'),
    column('allowed_origins', 'texts'),
    column('web_origins', 'texts'),
    column('client_metadata', 'json'),
  ],
  partitionOf: null,
  redaction: {
    judge(path) {
      const [top = '', below] = path;
      const name = path.at(-1) ?? '';
      if (top === 'signing_keys' || top === 'signing_key')
        return path.length > 1 && !SIGNING_KEY_PUBLIC.test(name) ? 'secret' : 'public';
      if (top === 'addons' && below !== undefined && ADDON_SECRET.test(name)) return 'secret';
      return undefined;
    },
  },
  versionOf: (_record, { fetchedAt }) => fetchedAt,
};
