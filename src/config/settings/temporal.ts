import { TASK_QUEUE } from '../../contracts/names.js';
import { setting } from './setting.js';
import { text, hostPort } from './values.js';

/** Where the Temporal server is. */
export const TEMPORAL_SETTINGS = {
  temporalAddress: setting({
    name: 'TEMPORAL_ADDRESS',
    group: 'Temporal (unset: a development server is started)',
    description: 'Address of the Temporal server',
    schema: hostPort,
  }),
  temporalNamespace: setting({
    name: 'TEMPORAL_NAMESPACE',
    group: 'Temporal',
    description: 'Namespace of the workflows',
    default: 'default',
    schema: text,
  }),
  temporalTaskQueue: setting({
    name: 'TEMPORAL_TASK_QUEUE',
    group: 'Temporal',
    description: 'Task queue that the worker polls',
    default: TASK_QUEUE,
    schema: text,
  }),
};
