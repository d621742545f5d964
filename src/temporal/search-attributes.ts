import type { Connection } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { ExtractError } from '../contracts/errors.js';
import { RESOURCE_ATTRIBUTE, type ResourceName, SEARCH_ATTRIBUTES, TENANT_ATTRIBUTE } from '../contracts/names.js';

/** Search attributes that a start names: of one resource, or of the tenant where it is about several. */
export function attributesOf(tenant: string, resource?: ResourceName): SearchAttributePair[] {
  const pairs: SearchAttributePair[] = [{ key: defineSearchAttributeKey(TENANT_ATTRIBUTE, 'KEYWORD'), value: tenant }];
  if (resource !== undefined)
    pairs.push({ key: defineSearchAttributeKey(RESOURCE_ATTRIBUTE, 'KEYWORD'), value: resource });
  return pairs;
}

/** `INDEXED_VALUE_TYPE_KEYWORD`, and how the columns of that type are called where names are aliases of columns. */
const KEYWORD = 2;
const KEYWORD_COLUMN = /^Keyword\d+$/;

/** What a namespace says of its search attributes. */
export interface NamespaceAttributes {
  /** Alias by column, in the namespace's own settings: SQL stores and Temporal Cloud. */
  aliases: Readonly<Record<string, string>>;
  /** Types by name; null where the server does not tell (Temporal Cloud keeps its operator service to itself). */
  types: Readonly<Record<string, number>> | null;
}

/** Whether both attributes are there as keywords. A start that names an unknown one would be refused. */
export function areRegistered({ aliases, types }: NamespaceAttributes): boolean {
  const columns = new Map(Object.entries(aliases).map(([column, alias]) => [alias, column]));
  return SEARCH_ATTRIBUTES.every((name) => types?.[name] === KEYWORD || KEYWORD_COLUMN.test(columns.get(name) ?? ''));
}

/**
 * Decides whether runs carry search attributes. `auto`: where they are registered; `on` is for namespaces that do not
 * tell, and throws ExtractError (Configuration) where the namespace says that they are not.
 */
export async function decideSearchAttributes(
  connection: Connection,
  namespace: string,
  aliases: Readonly<Record<string, string>>,
  { wanted, timeoutMs }: { wanted: 'auto' | 'on' | 'off'; timeoutMs: number },
): Promise<boolean> {
  if (wanted === 'off') return false;
  if (areRegistered({ aliases, types: null })) return true;
  const types = await connection
    .withDeadline(Date.now() + timeoutMs, () => connection.operatorService.listSearchAttributes({ namespace }))
    .then(({ customAttributes }) => customAttributes ?? {})
    .catch(() => null);
  const registered = areRegistered({ aliases, types });
  if (wanted === 'auto' || registered) return registered;
  if (types === null) return true;
  throw new ExtractError(
    'Configuration',
    `TEMPORAL_SEARCH_ATTRIBUTES is on, but namespace "${namespace}" does not have ${SEARCH_ATTRIBUTES.join(' and ')} as Keyword: ` +
      'register them with temporal operator search-attribute create, or set it to auto',
  );
}
