import { setting } from './setting.js';
import { jitter, scheduleSpec, timezone } from './schedule-values.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How often. */
export const SCHEDULES_SETTINGS = {
  scheduleLogs: setting({
    name: 'SCHEDULE_LOGS',
    perTenant: { key: 'schedules.logs', type: 'text' },
    group: 'Schedules (an interval such as 30s, 5m, 6h or 1d, a cron expression, or off)',
    description: 'When logs are copied; a bare number counts seconds',
    default: '1m',
    schema: scheduleSpec({ bareMs: 1_000, longestMs: DAY_MS }),
  }),
  scheduleUsers: setting({
    name: 'SCHEDULE_USERS',
    perTenant: { key: 'schedules.users', type: 'text' },
    group: 'Schedules',
    description: 'When a full snapshot of the users is taken, which notices deleted ones; a bare number counts hours',
    default: '24h',
    schema: scheduleSpec({ bareMs: HOUR_MS, longestMs: 365 * DAY_MS }),
  }),
  scheduleUsersChanged: setting({
    name: 'SCHEDULE_USERS_CHANGED',
    perTenant: { key: 'schedules.usersChanged', type: 'text' },
    group: 'Schedules',
    description: 'When users that have changed are copied; a bare number counts hours',
    default: '1h',
    schema: scheduleSpec({ bareMs: HOUR_MS, longestMs: 365 * DAY_MS }),
  }),
  scheduleClients: setting({
    name: 'SCHEDULE_CLIENTS',
    perTenant: { key: 'schedules.clients', type: 'text' },
    group: 'Schedules',
    description: 'When all clients are copied; a bare number counts hours',
    default: '24h',
    schema: scheduleSpec({ bareMs: HOUR_MS, longestMs: 365 * DAY_MS }),
  }),
  scheduleTimezone: setting({
    name: 'SCHEDULE_TIMEZONE',
    perTenant: { key: 'schedules.timezone', type: 'text' },
    group: 'Schedules',
    description: 'Time zone of the cron expressions, by its IANA name such as Europe/Berlin',
    default: 'UTC',
    schema: timezone,
  }),
  scheduleJitter: setting({
    name: 'SCHEDULE_JITTER',
    perTenant: { key: 'schedules.jitter', type: 'text' },
    group: 'Schedules',
    description: 'Each run starts up to so much later, by chance',
    default: '0s',
    schema: jitter,
  }),
};
