import type { Cursor } from '../../contracts/cursor.js';
import { ExtractError } from '../../contracts/errors.js';
import { clientsPager } from './clients-pager.js';
import { logsPager } from './logs-pager.js';
import { logsWindowPager } from './logs-window-pager.js';
import type { Pager } from './pager.js';
import { usersChangedPager } from './users-changed-pager.js';
import { usersPager } from './users-pager.js';

/** The pager of each kind of cursor. */
export const pagers: Readonly<Record<Cursor['kind'], Pager<Cursor>>> = {
  logs: forKind('logs', logsPager),
  'logs-window': forKind('logs-window', logsWindowPager),
  clients: forKind('clients', clientsPager),
  'users-pages': forKind('users-pages', usersPager),
  'users-changed': forKind('users-changed', usersChangedPager),
};

type CursorOf<K extends Cursor['kind']> = Extract<Cursor, { kind: K }>;

/** A pager that takes any cursor and refuses those of another kind, which only a bug can bring. */
function forKind<K extends Cursor['kind']>(kind: K, pager: Pager<CursorOf<K>>): Pager<Cursor> {
  const own = (cursor: Cursor): CursorOf<K> => {
    if (isKind(cursor, kind)) return cursor;
    throw new ExtractError('Internal', `A cursor of kind ${cursor.kind} reached the ${kind} pager`);
  };
  return {
    request: (cursor) => pager.request(own(cursor)),
    advance: (cursor, page) => pager.advance(own(cursor), page),
    pageSize: (cursor) => pager.pageSize(own(cursor)),
    resized: (cursor, size) => pager.resized(own(cursor), size),
    recover: (cursor, error, attempt) => pager.recover(own(cursor), error, attempt),
    otherwise: (cursor) => pager.otherwise?.(own(cursor)),
  };
}

function isKind<K extends Cursor['kind']>(cursor: Cursor, kind: K): cursor is CursorOf<K> {
  return cursor.kind === kind;
}
