import { managementError } from '../api-error.js';
import { CLIENT_SECRET_FIELDS } from '../client-record.js';
import type { EmulatorContext } from '../context.js';
import { wireReply, type EmulatorRequest, type Reply } from '../exchange.js';
import { listText } from '../list-shape.js';
import {
  booleanParameter,
  boundsOf,
  fieldSelection,
  isBeyondWall,
  logWallError,
  pageParameters,
  readCursor,
  takeParameter,
  writeCursor,
} from '../paging.js';
import { objectText, selectMembers, type FieldSelection, type WireText } from '../wire-text.js';

/** GET /api/v2/clients, page-wise or by checkpoint. Throws the API's 400 for bad parameters and 403 for secrets asked in vain. */
export function listClients(context: EmulatorContext, request: EmulatorRequest, scopes: ReadonlySet<string>): Reply {
  const { query } = request;
  const seesSecrets = scopes.has('read:client_keys') || scopes.has('read:client_credentials');
  const selection = fieldSelection(query);
  if (
    !seesSecrets &&
    selection?.include === true &&
    [...selection.names].some((name) => CLIENT_SECRET_FIELDS.has(name))
  ) {
    throw managementError(
      403,
      'Some fields cannot be read with the permissions granted by the bearer token scopes',
      'insufficient_scope',
    );
  }
  const write = (index: number) => clientText(context, index, seesSecrets, selection);
  const isGlobal = query.has('is_global') ? booleanParameter(query, 'is_global', false) : undefined;
  const matches = (index: number) => isGlobal === undefined || (index === 0) === isGlobal;
  return query.has('take') || query.has('from')
    ? checkpointPage(context, request, matches, write)
    : offsetPage(context, request, matches, write);
}

function offsetPage(
  context: EmulatorContext,
  request: EmulatorRequest,
  matches: (index: number) => boolean,
  write: (index: number) => WireText,
): Reply {
  const page = pageParameters(request.query);
  if (isBeyondWall(page)) throw logWallError(page);
  const found = [...context.tenant.clients.indexes()].filter(matches);
  const rows = found.slice(...boundsOf(found.length, page, context.settings.repeatAtBorder)).map(write);
  const list = { key: 'clients' as const, rows };
  const totals = { total: found.length, start: page.start, limit: page.perPage };
  return wireReply(listText(context.settings, page.includeTotals ? { ...list, totals } : list));
}

function checkpointPage(
  context: EmulatorContext,
  request: EmulatorRequest,
  matches: (index: number) => boolean,
  write: (index: number) => WireText,
): Reply {
  const take = takeParameter(request.query);
  const from = request.query.get('from');
  const rows: WireText[] = [];
  let next = '';
  let last = -1;
  for (const index of context.tenant.clients.indexes(from === null ? 0 : readCursor('clients', from, request.nowMs))) {
    if (!matches(index)) continue;
    if (rows.length === take) {
      next = `"next":"${writeCursor('clients', last + 1, request.nowMs)}",`;
      break;
    }
    rows.push(write(index));
    last = index;
  }
  const key = context.settings.shape === 'data' ? 'data' : 'clients';
  return wireReply(`{${next}"${key}":[${rows.join(',')}]}`);
}

function clientText(
  context: EmulatorContext,
  index: number,
  seesSecrets: boolean,
  selection: FieldSelection | undefined,
): WireText {
  const { clients, clientRecords } = context.tenant;
  const members = selectMembers(clientRecords.members(index, clients.revision(index)), selection);
  return objectText(seesSecrets ? members : members.filter(([name]) => !CLIENT_SECRET_FIELDS.has(name)));
}
