import type { Setting } from './settings/setting.js';
import { TENANT_SETTINGS } from './tenants-file.js';

type JsonSchema = Readonly<Record<string, unknown>>;

const reference: JsonSchema = {
  oneOf: [
    object({ env: { type: 'string', description: 'Name of the environment variable that holds it' } }, ['env']),
    object({ file: { type: 'string', description: 'Path of the file that holds it' } }, ['file']),
  ],
};

/** Keys of a tenant that `defaults` has no place for. */
const OWN = new Set(['name', 'domain', 'audience', 'clientId', 'clientSecret', 'privateKey', 'privateKeyId']);

/** The JSON schema of tenants.yaml, for editors; `deploy/tenants.schema.json` is its text. */
export function tenantsSchema(): JsonSchema {
  const all = [...TENANT_SETTINGS];
  const shared = all.filter(([key]) => !OWN.has(key));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Tenants of auth0-clickhouse',
    ...object(
      {
        defaults: { description: 'What all tenants share', ...mapping(shared, []) },
        tenants: { type: 'array', minItems: 1, items: mapping(all, ['name', 'domain', 'clientId']) },
      },
      ['tenants'],
    ),
  };
}

/** Settings by key as properties; `schedules.logs` goes into `schedules`. */
function mapping(settings: readonly (readonly [string, Setting])[], required: readonly string[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const groups = new Map<string, (readonly [string, Setting])[]>();
  for (const [key, setting] of settings) {
    const [first = key, ...rest] = key.split('.');
    if (rest.length === 0) properties[key] = valueSchema(setting);
    else groups.set(first, [...(groups.get(first) ?? []), [rest.join('.'), setting]]);
  }
  for (const [group, members] of groups) properties[group] = mapping(members, []);
  return object(properties, required);
}

function valueSchema({ description, unit, secret, default: standard, perTenant }: Setting): JsonSchema {
  const text = unit === undefined ? description : `${description} [${unit}]`;
  if (secret) return { description: `${text}. By reference only`, ...reference };
  const types = { text: ['string', 'number'], number: ['number', 'string'], list: ['array', 'string'] } as const;
  const type = types[perTenant?.type ?? 'text'];
  const plain: JsonSchema = { type, ...(type[0] === 'array' && { items: { type: 'string' } }) };
  return {
    description: standard === undefined ? text : `${text}. Default: ${standard}`,
    anyOf: [plain, reference],
  };
}

function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[]): JsonSchema {
  return { type: 'object', additionalProperties: false, properties, ...(required.length > 0 && { required }) };
}
