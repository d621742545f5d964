import { setting } from './setting.js';
import { text, whole, start, names, share } from './values.js';

/** What is copied, and how. */
export const EXTRACTION_SETTINGS = {
  logRetention: setting({
    name: 'AUTH0_LOG_RETENTION_DAYS',
    perTenant: { key: 'logRetentionDays', type: 'number' },
    group: 'Extraction',
    description:
      'Days that the tenant keeps its logs: 1 Free and Starter, 5 Essentials, 10 Professional, 30 Enterprise. status warns before they are lost. Unset: unknown',
    unit: 'days',
    schema: text.regex(/^\d+(\.\d+)?$/, 'must be a number of days').transform(Number),
  }),
  logsOverlap: setting({
    name: 'LOGS_OVERLAP_SECONDS',
    perTenant: { key: 'logsOverlapSeconds', type: 'number' },
    group: 'Extraction',
    description: 'How far behind its cursor a run of logs looks again, for events that came late; 0: not at all',
    default: '30',
    unit: 'seconds',
    schema: whole(0, 3600),
  }),
  maxDeleteShare: setting({
    name: 'MAX_DELETE_SHARE',
    perTenant: { key: 'maxDeleteShare', type: 'number' },
    group: 'Extraction',
    description:
      'Share of all users or clients that one snapshot may mark as deleted; 100 always may. More waits for sync --accept-deletes',
    default: '0.2',
    schema: share,
  }),
  pagesPerActivity: setting({
    name: 'PAGES_PER_ACTIVITY',
    perTenant: { key: 'pagesPerActivity', type: 'number' },
    group: 'Extraction',
    description: 'Pages of 100 records that one activity fetches and inserts at once',
    default: '10',
    unit: 'pages, 1..50',
    schema: whole(1, 50),
  }),
  logsStart: setting({
    name: 'LOGS_START',
    perTenant: { key: 'logsStart', type: 'text' },
    group: 'Extraction',
    description: 'Where the first run of logs begins: "oldest" (the oldest kept log) or an ISO 8601 date',
    default: 'oldest',
    schema: start,
  }),
  snapshotInterval: setting({
    name: 'SNAPSHOT_INTERVAL',
    perTenant: { key: 'snapshotInterval', type: 'number' },
    group: 'Extraction',
    description: 'How old the last full snapshot of users may be before a sync takes a new one',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),
  exportWait: setting({
    name: 'USERS_EXPORT_WAIT',
    perTenant: { key: 'exportWait', type: 'number' },
    group: 'Extraction',
    description:
      'Longest wait for one users export job, for each 100,000 users begun; one that takes longer is asked for again, three in all',
    default: '30',
    unit: 'minutes',
    schema: whole(1, 1440),
  }),
  exportFields: setting({
    name: 'USERS_EXPORT_FIELDS',
    perTenant: { key: 'exportFields', type: 'list' },
    group: 'Extraction',
    description: 'Further user fields for the export job, e.g. root attributes of identity providers; comma separated',
    schema: names,
  }),
};
