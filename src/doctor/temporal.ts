import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { ERRORS } from '../contracts/errors.js';
import { SEARCH_ATTRIBUTES } from '../contracts/names.js';
import { TemporalConnectError, type TemporalHandle } from '../temporal/connect.js';
import type { TemporalTarget } from '../temporal/connection-options.js';
import { listSchedules, type ListedSchedule } from '../temporal/schedules.js';
import type { WantedSchedule } from '../temporal/wanted.js';
import { type Check, fail, failedWith, ok, skipped, warn } from './check.js';

/** What the checks of Temporal need. */
export interface TemporalDeps {
  /** Throws ExtractError where the server does not answer. */
  connect: () => Promise<TemporalHandle>;
  address: string;
  namespace: string;
  taskQueue: string;
  /** The version of this program. */
  version: string;
  /** The schedules that the settings ask for, by tenant. */
  wanted: ReadonlyMap<string, readonly WantedSchedule[]>;
  /** Setting: whether runs carry search attributes. */
  searchAttributes: TemporalTarget['searchAttributes'];
}

/** Asks the server whether runs can be started, and would be worked on. Changes nothing. */
export async function checkTemporal(deps: TemporalDeps): Promise<Check[]> {
  let handle: TemporalHandle;
  try {
    handle = await deps.connect();
  } catch (error) {
    const isNamespace = error instanceof TemporalConnectError && error.failure === 'namespace';
    const cure = isNamespace
      ? `Create it (temporal operator namespace create -n ${deps.namespace}), or correct TEMPORAL_NAMESPACE.`
      : undefined;
    return [failedWith(isNamespace ? 'namespace' : 'reachable', error, cure)];
  }
  try {
    return [
      await attempt('reachable', () => checkServer(deps, handle.client)),
      await attempt('namespace', () => checkNamespace(deps, handle.client)),
      ...(await checkPollers(deps, handle.client)),
      searchAttributesCheck(deps, handle.searchAttributes),
      ...(await Promise.all(
        [...deps.wanted].map(([tenant, wanted]) =>
          attempt(scheduleName(deps, tenant), async () =>
            scheduleCheck(scheduleName(deps, tenant), wanted, await listSchedules(handle.client, tenant)),
          ),
        ),
      )),
    ];
  } finally {
    await handle.close();
  }
}

async function attempt(name: string, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check();
  } catch (error) {
    return failedWith(name, error, ERRORS.TemporalUnavailable.next);
  }
}

async function checkServer({ address }: TemporalDeps, client: Client): Promise<Check> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  return ok('reachable', `${address} is Temporal ${serverVersion}`);
}

const DAY_SECONDS = 86_400;

async function checkNamespace({ namespace }: TemporalDeps, client: Client): Promise<Check> {
  const name = 'namespace';
  const { config } = await client.workflowService.describeNamespace({ namespace });
  const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (!(seconds > 0)) return ok(name, `${namespace} exists`);
  const detail = `${namespace} keeps finished runs for ${(seconds / DAY_SECONDS).toFixed(1)} days`;
  if (seconds >= DAY_SECONDS) return ok(name, detail);
  return warn(
    name,
    detail,
    'Raise its retention, or what a run did is gone the next day. pipeline_runs keeps it all the same.',
  );
}

const pollerSchema = z.object({ identity: z.string().nullish() });

/** Queue types of DescribeTaskQueue. */
const QUEUES = { workflow: 1, activity: 2 } as const;

/** Without a poller runs are accepted and lie there. */
async function checkPollers({ namespace, taskQueue, version }: TemporalDeps, client: Client): Promise<Check[]> {
  const name = 'workers';
  try {
    const identities = await Promise.all(
      Object.values(QUEUES).map(async (taskQueueType) => {
        const answer = await client.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: taskQueue },
          // eslint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK keeps the enum to itself
          taskQueueType,
        });
        return z
          .array(pollerSchema)
          .parse(answer.pollers ?? [])
          .map(({ identity }) => identity ?? '');
      }),
    );
    return workerChecks(taskQueue, version, identities);
  } catch (error) {
    return [failedWith(name, error)];
  }
}

/** `identities`: of the pollers of each kind of task. A worker of ours says its version in its identity. */
export function workerChecks(taskQueue: string, version: string, identities: readonly string[][]): Check[] {
  const name = 'workers';
  if (identities.some((pollers) => pollers.length === 0))
    return [
      fail(
        name,
        `no worker polls the task queue ${taskQueue}: runs that are started wait`,
        'Start one: npm start, or auth0-clickhouse worker with the same TEMPORAL_TASK_QUEUE and TEMPORAL_NAMESPACE.',
      ),
    ];
  const all = [...new Set(identities.flat())];
  const versions = all.map((identity) => /^auth0-clickhouse (\S+) /.exec(identity)?.[1] ?? null);
  const polls = ok(
    name,
    `${all.length} ${all.length === 1 ? 'worker polls' : 'workers poll'} the task queue ${taskQueue}`,
  );
  const others = [...new Set(versions.filter((found) => found !== null && found !== version))];
  if (others.length > 0)
    return [
      polls,
      warn('versions', `workers of version ${others.join(', ')}; this is ${version}`, 'Bring all to one version.'),
    ];
  if (versions.includes(null))
    return [
      polls,
      warn(
        'versions',
        'something polls the task queue that is no worker of this program, or an old one',
        'Give it a task queue of its own: it takes tasks away that it cannot do.',
      ),
    ];
  return [polls, ok('versions', `all of version ${version}`)];
}

/** `carried`: what was found out when the connection was made. */
function searchAttributesCheck({ namespace, searchAttributes }: TemporalDeps, carried: boolean): Check {
  const name = 'search attributes';
  const names = SEARCH_ATTRIBUTES.join(', ');
  if (carried) return ok(name, `runs can be searched by ${names}`);
  if (searchAttributes === 'off') return skipped(name, 'switched off (TEMPORAL_SEARCH_ATTRIBUTES)');
  const flags = SEARCH_ATTRIBUTES.map((one) => `--name ${one} --type Keyword`).join(' ');
  return warn(
    name,
    `${names} are not registered: runs cannot be searched by them`,
    `temporal operator search-attribute create -n ${namespace} ${flags}, then start the worker again.`,
  );
}

function scheduleName({ wanted }: TemporalDeps, tenant: string): string {
  return wanted.size > 1 ? `schedules of ${tenant}` : 'schedules';
}

/** The schedules that exist against those that the settings ask for. */
export function scheduleCheck(
  name: string,
  wanted: readonly WantedSchedule[],
  listed: readonly ListedSchedule[],
): Check {
  const due = wanted.filter(({ spec }) => spec !== null).map(({ schedule }) => schedule);
  const missing = due.filter((schedule) => !listed.some((entry) => entry.schedule === schedule));
  const paused = listed.filter((entry) => entry.paused);
  if (missing.length > 0)
    return warn(name, `none for ${missing.join(', ')}`, 'Make them: auth0-clickhouse schedule apply.');
  if (paused.length > 0)
    return warn(
      name,
      `paused: ${paused.map((entry) => entry.scheduleId).join(', ')}`,
      'Resume them, or nothing is copied.',
    );
  return ok(name, due.length === 0 ? 'none are asked for' : `${due.join(', ')} run`);
}
