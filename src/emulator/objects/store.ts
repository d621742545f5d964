import { jsonWire, type WireText } from '../wire-text.js';
import type { Company } from './company.js';
import { fillPath, matchPath, type ObjectEndpoint, type ObjectRecord } from './endpoint.js';

/** What was changed from outside under one path: records by key, null where one was deleted. */
export type ObjectChanges = Readonly<Record<string, ObjectRecord | null>>;

/** A record and its place in the list: one that was deleted keeps its place, so that cursors stay where they are. */
export interface PlacedRecord {
  readonly place: number;
  readonly key: string;
  readonly record: ObjectRecord;
}

/** The tenant's objects that are nothing but records under a path: what it has at first, with the changes laid over it. */
export class ObjectStore {
  readonly #company: Company;
  readonly #endpoints: ObjectEndpoint[];
  readonly #changes: Map<string, Map<string, ObjectRecord | null>>;

  constructor(
    company: Company,
    endpoints: readonly ObjectEndpoint[],
    changes: Readonly<Record<string, ObjectChanges>> = {},
  ) {
    this.#company = company;
    this.#endpoints = [...endpoints];
    this.#changes = new Map(Object.entries(changes).map(([path, own]) => [path, new Map(Object.entries(own))]));
  }

  /** Serves one more endpoint. */
  define(endpoint: ObjectEndpoint): void {
    this.#endpoints.push(endpoint);
  }

  /** The endpoint of a path: of the list, or of one record in it. */
  endpointOf(path: string): { endpoint: ObjectEndpoint; list: string; id: string | undefined } | undefined {
    for (const endpoint of this.#endpoints) {
      if (matchPath(endpoint.path, path)) return { endpoint, list: path, id: undefined };
      const own = endpoint.single === true ? matchPath(`${endpoint.path}/{id}`, path) : undefined;
      if (own !== undefined) return { endpoint, list: fillPath(endpoint.path, own), id: own.at(-1) };
    }
    return undefined;
  }

  /** The records of a list, in order; undefined where the object that it belongs to is gone. */
  records(endpoint: ObjectEndpoint, path: string): readonly PlacedRecord[] | undefined {
    if (!this.#hasParent(endpoint, path)) return undefined;
    const changes = new Map(this.#changes.get(path));
    const placed: PlacedRecord[] = [];
    let place = 0;
    const add = (key: string, record: ObjectRecord | null): void => {
      if (record !== null) placed.push({ place, key, record });
      place++;
    };
    for (const record of this.#company.records(path)) {
      const key = keyOf(endpoint, record);
      const changed = changes.get(key);
      add(key, changed === undefined ? record : changed);
      changes.delete(key);
    }
    for (const [key, record] of changes) add(key, record);
    return placed;
  }

  /** One record of a list. */
  record(endpoint: ObjectEndpoint, path: string, key: string): ObjectRecord | undefined {
    return this.records(endpoint, path)?.find((placed) => placed.key === key)?.record;
  }

  /** Adds or replaces records, and deletes others. */
  change(endpoint: ObjectEndpoint, path: string, put: readonly ObjectRecord[], remove: readonly string[]): void {
    const own = this.#changes.get(path) ?? new Map<string, ObjectRecord | null>();
    for (const record of put) own.set(keyOf(endpoint, record), record);
    for (const key of remove) own.set(key, null);
    this.#changes.set(path, own);
  }

  /** All changes so far, to be stored. */
  get changes(): Record<string, ObjectChanges> {
    return Object.fromEntries([...this.#changes].map(([path, own]) => [path, Object.fromEntries(own)]));
  }

  #hasParent({ path: template, parent }: ObjectEndpoint, path: string): boolean {
    if (parent === undefined) return true;
    const [id] = matchPath(template, path) ?? [];
    const endpoint = this.#endpoints.find((one) => one.path === parent);
    return endpoint !== undefined && id !== undefined && this.record(endpoint, parent, id) !== undefined;
  }
}

/** JSON text of a record as it is served. */
export function recordText(record: ObjectRecord): WireText {
  return jsonWire(record);
}

function keyOf({ key }: ObjectEndpoint, record: ObjectRecord): string {
  return String(record[key]);
}
