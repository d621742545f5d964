import { z } from 'zod';
import { managementError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import { type EmulatorRequest, jsonReply, type Reply, wireReply } from '../exchange.js';
import { listText } from '../list-shape.js';
import { HIDDEN } from '../objects/company.js';
import type { ObjectEndpoint, ObjectRecord } from '../objects/endpoint.js';
import { type PlacedRecord, recordText } from '../objects/store.js';
import {
  fieldSelection,
  isBeyondWall,
  logWallError,
  pageParameters,
  readCursor,
  takeParameter,
  writeCursor,
  boundsOf,
} from '../paging.js';
import { parseBody } from './admin.js';

/** GET of a list of objects, or of one of them. Throws the API's 404 where it, or what it belongs to, is not there. */
export function readObjects(context: EmulatorContext, request: EmulatorRequest, scopes: ReadonlySet<string>): Reply {
  const { objects } = context.tenant;
  const found = objects.endpointOf(request.path);
  if (found === undefined) throw managementError(404, 'Not Found');
  const { endpoint, list, id } = found;
  const write = writer(endpoint, request, scopes);
  if (id !== undefined) {
    const record = objects.record(endpoint, list, id);
    if (record === undefined) throw notThere(endpoint.name);
    return wireReply(recordText(write(record)));
  }
  const records = objects.records(endpoint, list);
  if (records === undefined) throw notThere(endpoint.parent ?? endpoint.name);
  const matching = records.filter(({ record }) => endpoint.matches?.(record, request.query) ?? true);
  const rows = (page: readonly PlacedRecord[]) => page.map(({ record }) => recordText(write(record)));
  if (endpoint.paging === 'whole')
    return wireReply(listText({ ...context.settings, shape: 'array' }, { key: endpoint.list, rows: rows(matching) }));
  const byCheckpoint = request.query.has('take') || request.query.has('from');
  if (endpoint.paging === 'checkpoint' || (endpoint.paging === 'both' && byCheckpoint)) {
    const { page, next } = checkpointPage(matching, request);
    const key = context.settings.shape === 'data' ? 'data' : endpoint.list;
    return wireReply(`{${next === undefined ? '' : `"next":"${next}",`}"${key}":[${rows(page).join(',')}]}`);
  }
  const page = pageParameters(request.query);
  if (isBeyondWall(page)) throw logWallError(page);
  const totals = page.includeTotals && { totals: { start: page.start, limit: page.perPage, total: matching.length } };
  const shown = rows(matching.slice(...boundsOf(matching.length, page, context.settings.repeatAtBorder)));
  return wireReply(listText(context.settings, { key: endpoint.list, rows: shown, ...totals }));
}

function checkpointPage(records: readonly PlacedRecord[], { query, nowMs }: EmulatorRequest) {
  const take = takeParameter(query);
  const from = query.get('from');
  const start = from === null ? 0 : readCursor('objects', from, nowMs);
  const rest = records.filter(({ place }) => place >= start);
  const behind = rest[take];
  return { page: rest.slice(0, take), next: behind && writeCursor('objects', behind.place, nowMs) };
}

function writer({ onRequest }: ObjectEndpoint, { query }: EmulatorRequest, scopes: ReadonlySet<string>) {
  const selection = fieldSelection(query);
  const named = (member: string) => selection?.include === true && selection.names.has(member);
  if (onRequest?.members.some(named) === true && !scopes.has(onRequest.scope))
    throw managementError(403, `Insufficient scope, expected any of: ${onRequest.scope}`, 'insufficient_scope');
  const isShown = (member: string): boolean => {
    if (member === HIDDEN) return false;
    if (onRequest?.members.includes(member) === true) return named(member);
    return selection === undefined || selection.names.has(member) === selection.include;
  };
  return (record: ObjectRecord): ObjectRecord =>
    Object.fromEntries(Object.entries(record).filter(([member]) => isShown(member)));
}

function notThere(what: string) {
  return managementError(404, `The ${what.replace(/^.*\//, '').replace(/s$/, '')} does not exist.`);
}

const record = z.record(z.string(), z.unknown());
const changeSchema = z.strictObject({
  /** Serve one more endpoint. */
  define: z
    .strictObject({
      name: z.string(),
      path: z.string().startsWith('/api/v2/'),
      list: z.string(),
      key: z.string(),
      anyScope: z.array(z.string()),
      paging: z.enum(['pages', 'checkpoint', 'both', 'whole']),
      parent: z.string().optional(),
      single: z.boolean().optional(),
    })
    .optional(),
  /** Concrete path of the list that is changed, with its parents' ids in it. */
  path: z.string().optional(),
  /** Records to add or to replace. */
  put: z.array(record).default([]),
  /** Keys of the records to delete. */
  remove: z.array(z.string()).default([]),
});

/** POST /_emulator/objects: serves another endpoint, adds, replaces and deletes objects; says what the list holds then. */
export function changeObjects(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { define, path, put, remove } = parseBody(changeSchema, request);
  const { tenant } = context;
  if (define !== undefined) {
    const { parent, single, ...own } = define;
    tenant.objects.define({ ...own, ...(parent !== undefined && { parent }), ...(single !== undefined && { single }) });
  }
  if (path === undefined) return jsonReply({ records: [] });
  const found = tenant.objects.endpointOf(path);
  if (found === undefined || found.id !== undefined) throw managementError(404, `There is no list at ${path}.`);
  tenant.objects.change(found.endpoint, path, put, remove);
  tenant.save();
  return listed(context, path);
}

/** GET /_emulator/objects?path=: all records of a list, with what only some requests are shown. */
export function dumpObjects(context: EmulatorContext, request: EmulatorRequest): Reply {
  return listed(context, request.query.get('path') ?? '');
}

function listed({ tenant }: EmulatorContext, path: string): Reply {
  const found = tenant.objects.endpointOf(path);
  const records = found && tenant.objects.records(found.endpoint, path);
  if (records === undefined) throw managementError(404, `There is no list at ${path}.`);
  return jsonReply({ records: records.map((placed) => placed.record) });
}
