import { managementError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import { wireReply, type EmulatorRequest, type Reply } from '../exchange.js';
import { listText } from '../list-shape.js';
import {
  booleanParameter,
  boundsOf,
  fieldSelection,
  isBeyondWall,
  pageParameters,
  sortParameter,
  userWallError,
} from '../paging.js';
import { objectText, selectMembers, type FieldSelection, type WireText } from '../wire-text.js';

/** GET /api/v2/users. Throws the API's 400 for bad parameters and beyond the wall. */
export function listUsers(context: EmulatorContext, request: EmulatorRequest, scopes: ReadonlySet<string>): Reply {
  const { query } = request;
  const page = pageParameters(query);
  const selection = fieldSelection(query);
  const sort = sortParameter(query);
  booleanParameter(query, 'primary_order', true);
  if (isBeyondWall(page)) throw userWallError();
  const found = context.userSearch.find(query.get('q') ?? undefined, sort);
  const rows = Array.from(found.subarray(...boundsOf(found.length, page, context.settings.repeatAtBorder)), (index) =>
    userText(context, index, scopes, selection),
  );
  const totals = { start: page.start, limit: page.perPage, length: rows.length };
  const list = { key: 'users' as const, rows };
  return wireReply(
    listText(context.settings, page.includeTotals ? { ...list, totals: { ...totals, total: found.length } } : list),
  );
}

/** GET /api/v2/users/{id}. Throws the API's 404 for a user that is not there. */
export function getUser(context: EmulatorContext, request: EmulatorRequest, scopes: ReadonlySet<string>): Reply {
  const index = context.tenant.users.indexOf(request.parameters[0] ?? '');
  if (index === undefined) throw managementError(404, 'The user does not exist.', 'inexistent_user');
  return wireReply(userText(context, index, scopes, fieldSelection(request.query)));
}

function userText(
  context: EmulatorContext,
  index: number,
  scopes: ReadonlySet<string>,
  selection: FieldSelection | undefined,
): WireText {
  const { users, userRecords } = context.tenant;
  const members = userRecords.members(users.facts(index), { identityTokens: scopes.has('read:user_idp_tokens') });
  return objectText(selectMembers(members, selection));
}
