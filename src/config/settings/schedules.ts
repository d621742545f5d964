import { setting } from './setting.js';
import { whole } from './values.js';

/** How often. */
export const SCHEDULES_SETTINGS = {
  logsInterval: setting({
    name: 'SCHEDULE_LOGS',
    perTenant: { key: 'schedules.logs', type: 'number' },
    group: 'Schedules',
    description: 'How often logs are extracted; 0: not scheduled',
    default: '60',
    unit: 'seconds',
    schema: whole(0, 24 * 3600),
  }),
  usersInterval: setting({
    name: 'SCHEDULE_USERS',
    perTenant: { key: 'schedules.users', type: 'number' },
    group: 'Schedules',
    description: 'How often users are extracted in full; 0: not scheduled',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),
  clientsInterval: setting({
    name: 'SCHEDULE_CLIENTS',
    perTenant: { key: 'schedules.clients', type: 'number' },
    group: 'Schedules',
    description: 'How often clients are extracted; 0: not scheduled',
    default: '24',
    unit: 'hours',
    schema: whole(0, 24 * 365),
  }),
};
