import { z } from 'zod';

import { managementError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import { jsonReply, type EmulatorRequest, type Reply } from '../exchange.js';
import { faultRuleSchema } from '../faults.js';
import { settingsSchema } from '../settings.js';

const amount = z.int().min(0);
const spread = z.number().min(0).optional();

const appendSchema = z.strictObject({ count: amount, spreadMs: spread });
const changeSchema = z.strictObject({
  /** Number of records to add. */
  add: amount.optional(),
  /** Number of records to change, or their ids. */
  touch: z.union([amount, z.array(z.string())]).optional(),
  /** Number of records to delete, or their ids. */
  remove: z.union([amount, z.array(z.string())]).optional(),
  /** Milliseconds before now over which added and changed users are spread; 0 puts all in one millisecond. */
  spreadMs: spread,
});
const faultsSchema = z.union([faultRuleSchema, z.array(faultRuleSchema)]);
const patchSchema = settingsSchema.partial().extend({ revokeTokens: z.literal(true).optional() });

/** GET /_emulator/stats. */
export function readStats(context: EmulatorContext): Reply {
  const { tenant, stats } = context;
  return jsonReply({
    ...stats.snapshot,
    counts: { logs: tenant.timeline.count, users: tenant.users.count, clients: tenant.clients.count },
  });
}

/** POST /_emulator/stats/reset. */
export function resetStats(context: EmulatorContext): Reply {
  context.stats.reset();
  return readStats(context);
}

/** POST /_emulator/logs: appends events now. */
export function appendLogs(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { count, spreadMs } = parseBody(appendSchema, request);
  const { timeline } = context.tenant;
  timeline.append(count, spreadMs ?? 0, request.nowMs);
  context.tenant.save();
  return jsonReply({ logs: timeline.count });
}

/** POST /_emulator/users: adds, changes and deletes users; says whose ids. */
export function changeUsers(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { add, touch, remove, spreadMs } = parseBody(changeSchema, request);
  const { tenant } = context;
  const { users } = tenant;
  const ids = (indexes: readonly number[]) => indexes.map((index) => tenant.userIdentities.at(index).userId);
  const chosen = (asked: number | readonly string[]) =>
    typeof asked === 'number' ? users.choose(asked) : knownIndexes(asked, (id) => users.indexOf(id));
  const removed = remove === undefined ? [] : chosen(remove);
  if (removed.length > 0) users.remove(removed);
  const touched = touch === undefined ? [] : chosen(touch);
  if (touched.length > 0) users.touch(touched, spreadMs ?? 0, request.nowMs);
  const added = add === undefined || add === 0 ? [] : users.add(add, spreadMs ?? 0, request.nowMs);
  tenant.save();
  return jsonReply({ users: users.count, added: ids(added), touched: ids(touched), removed: ids(removed) });
}

/** POST /_emulator/clients: adds, changes and deletes clients; says whose ids. */
export function changeClients(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { add, touch, remove } = parseBody(changeSchema, request);
  const { tenant } = context;
  const { clients } = tenant;
  const ids = (indexes: readonly number[]) => indexes.map((index) => tenant.clientIdentities.at(index).clientId);
  const chosen = (asked: number | readonly string[]) =>
    typeof asked === 'number' ? clients.choose(asked) : knownIndexes(asked, (id) => clients.indexOf(id));
  const removed = remove === undefined ? [] : chosen(remove);
  if (removed.length > 0) clients.remove(removed);
  const touched = touch === undefined ? [] : chosen(touch);
  if (touched.length > 0) clients.touch(touched);
  const added = add === undefined || add === 0 ? [] : clients.add(add);
  tenant.save();
  return jsonReply({ clients: clients.count, added: ids(added), touched: ids(touched), removed: ids(removed) });
}

/** GET /_emulator/faults: the rules with what they have met. */
export function readFaults(context: EmulatorContext): Reply {
  return jsonReply(context.faults.report);
}

/** POST /_emulator/faults: adds one rule or several. */
export function addFaults(context: EmulatorContext, request: EmulatorRequest): Reply {
  const rules = parseBody(faultsSchema, request);
  context.faults.install(Array.isArray(rules) ? rules : [rules]);
  return readFaults(context);
}

/** DELETE /_emulator/faults. */
export function clearFaults(context: EmulatorContext): Reply {
  context.faults.clear();
  return readFaults(context);
}

/** GET /_emulator/config. */
export function readSettings(context: EmulatorContext): Reply {
  return jsonReply(context.settings);
}

/** POST /_emulator/config: changes settings; `revokeTokens` makes all tokens unknown. */
export function changeSettings(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { revokeTokens, ...patch } = parseBody(patchSchema, request);
  if (revokeTokens === true) context.tokens.revokeAll();
  context.settings = settingsSchema.parse({ ...context.settings, ...patch });
  return readSettings(context);
}

/** The body of an admin request. Throws the API's 400 where it is not of that form. */
export function parseBody<T>(schema: z.ZodType<T>, request: EmulatorRequest): T {
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw managementError(400, 'The body is not JSON.');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw managementError(400, z.prettifyError(parsed.error));
  return parsed.data;
}

function knownIndexes(ids: readonly string[], find: (id: string) => number | undefined): readonly number[] {
  return ids.map((id) => {
    const index = find(id);
    if (index === undefined) throw managementError(404, `There is no record ${id}.`);
    return index;
  });
}
