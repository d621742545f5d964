import type { EmulatorRequest } from '../exchange.js';

/** An object of the tenant, as its endpoint serves it. */
export type ObjectRecord = Readonly<Record<string, unknown>>;

/** How a list endpoint behaves that has nothing of its own beside its records. */
export interface ObjectEndpoint {
  /** Name in the stats and in fault rules. */
  readonly name: string;
  /** Path with its parents' ids as `{...}`, e.g. `/api/v2/organizations/{organization_id}/members`. */
  readonly path: string;
  /** What the rows are called in an envelope. */
  readonly list: string;
  /** Member that tells a record from the others of the same path. */
  readonly key: string;
  readonly anyScope: readonly string[];
  /**
   * `pages`: page and per_page, an array, or an envelope with totals. `checkpoint`: take and from, an envelope with `next`.
   * `both`: as the parameters say. `whole`: an array of all.
   */
  readonly paging: 'pages' | 'checkpoint' | 'both' | 'whole';
  /** Members that are served only where `fields` names them, and the scope that they need. */
  readonly onRequest?: { readonly members: readonly string[]; readonly scope: string };
  /** Whether a record belongs to what the query asks for; all do where this is absent. */
  matches?(record: ObjectRecord, query: EmulatorRequest['query']): boolean;
  /** Where the record whose id is in the path can be read, for the 404 of a list whose parent is gone. */
  readonly parent?: string;
  /** Whether `GET {path}/{id}` serves one record. */
  readonly single?: boolean;
}

/** A template's concrete path, and the other way round. */
export function matchPath(template: string, path: string): readonly string[] | undefined {
  const wanted = template.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parameters: string[] = [];
  for (const [i, part] of wanted.entries()) {
    const is = given[i] ?? '';
    if (/^\{\w+\}$/.test(part) && is !== '') parameters.push(decodePart(is));
    else if (part !== is) return undefined;
  }
  return parameters;
}

/** The template with these ids in place of its `{...}`, in their order. */
export function fillPath(template: string, parameters: readonly string[]): string {
  let next = 0;
  return template.replaceAll(/\{\w+\}/g, () => encodeURIComponent(parameters[next++] ?? ''));
}

/** A part of a path, decoded; as it is where it cannot be. */
export function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
