import type { ResourceName } from '../contracts/names.js';
import { clients } from './clients.js';
import { logs } from './logs.js';
import type { Resource } from './resource.js';
import { users } from './users.js';

/** All resources by name. */
export const resources: Readonly<Record<ResourceName, Resource>> = { logs, users, clients };
