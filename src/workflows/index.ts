/** The workflow types that a worker registers. */
export { backfillLogs } from './backfill-logs.js';
export { extractClients } from './extract-clients.js';
export { extractLogs } from './extract-logs.js';
export { extractTenant } from './extract-tenant.js';
export { extractUsers } from './extract-users.js';
