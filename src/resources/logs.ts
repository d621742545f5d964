import { column, parseInstant } from './columns.js';
import { type Resource, textKey } from './resource.js';

/** Invitations and tickets let their holder in: `details.invitation.ticket_id`, `details.body.ticket`. */
const TICKET = /^(?:ticket|ticket_?id)$/i;

/**
 * The tenant's log: GET /api/v2/logs in checkpoint mode. Immutable events; `log_id` (56 digits, so a String) ascends.
 * `date` is when it happened, `log_id` when it was taken in: dates go up and down within a page.
 */
export const logs: Resource = {
  name: 'logs',
  path: '/api/v2/logs',
  listName: 'logs',
  scope: 'read:logs',
  table: 'logs_raw',
  keyColumn: 'log_id',
  isKeyPersonal: false,
  keyOf: (record) => textKey(record, 'log_id') ?? textKey(record, '_id'),
  columns: [
    column('date', 'time'),
    column('type', 'text'),
    column('description', 'text'),
    column('connection', 'text'),
    column('connection_id', 'text'),
    column('client_id', 'text'),
    column('client_name', 'text'),
    column('ip', 'text'),
    column('hostname', 'text'),
    column('user_id', 'text'),
    column('user_name', 'text'),
    column('user_agent', 'text'),
    column('audience', 'text'),
    column('scope', 'text'),
    column('strategy', 'text'),
    column('strategy_type', 'text'),
    column('organization_id', 'text'),
    column('organization_name', 'text'),
    column('is_mobile', 'bool?', 'isMobile'),
    column('country_code', 'text', 'location_info', 'country_code'),
    column('city_name', 'text', 'location_info', 'city_name'),
  ],
  partitionOf: ({ value }) => monthOf(parseInstant(value['date']) ?? 0),
  redaction: {
    judge: (path) => (path[0] === 'details' && TICKET.test(path.at(-1) ?? '') ? 'secret' : undefined),
  },
  versionOf: null,
};

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
