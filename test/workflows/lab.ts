import { randomUUID } from 'node:crypto';
import {
  Client,
  Connection,
  type Workflow,
  WorkflowFailedError,
  type WorkflowHandle,
  type WorkflowHandleWithStartDetails,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { History, Payload } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Activities } from '../../src/contracts/activities.js';
import type * as workflows from '../../src/workflows/index.js';

export type WorkflowType = keyof typeof workflows;
export type InputOf<T extends WorkflowType> = Parameters<(typeof workflows)[T]>[0];
export type HandleOf<T extends WorkflowType> = WorkflowHandle<(typeof workflows)[T]>;
export type HistoryEvent = NonNullable<History['events']>[number];

/** A client and workers on a Temporal server. */
export interface Lab {
  readonly client: Client;
  /** Runs `body` while a worker with these activities polls a task queue that is its own. */
  withWorker<T>(activities: Activities, body: (bench: Bench) => Promise<T>): Promise<T>;
  /** A worker that the test itself runs and shuts down. */
  createWorker(activities: Activities, taskQueue: string, options?: Partial<WorkerOptions>): Promise<Worker>;
  bench(taskQueue: string): Bench;
  close(): Promise<void>;
}

/** A task queue to start workflows on. */
export interface Bench {
  readonly client: Client;
  readonly taskQueue: string;
  /** Starts a workflow; without an input it is started bare, as from the UI. */
  start<T extends WorkflowType>(type: T, workflowId: string, input?: InputOf<T>): Promise<HandleOf<T>>;
}

// Tests make activities fail on purpose: only what breaks a worker or a workflow task is worth a line.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});

/** Connects to a server; workers run the bundle in the file `bundle`. */
export async function openLab({ address, bundle }: { address: string; bundle: string }): Promise<Lab> {
  // Neither the machine nor the user belongs into histories, some of which are kept in files.
  const identity = 'test';
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  const client = new Client({ connection, identity });
  const bench = (taskQueue: string): Bench => ({
    client,
    taskQueue,
    async start<T extends WorkflowType>(type: T, workflowId: string, input?: InputOf<T>) {
      const args = input === undefined ? [] : [input];
      await client.workflow.start<Workflow>(type, { taskQueue, workflowId, args });
      return client.workflow.getHandle<(typeof workflows)[T]>(workflowId);
    },
  });
  const createWorker: Lab['createWorker'] = (activities, taskQueue, options) =>
    Worker.create({
      connection: native,
      identity,
      taskQueue,
      workflowBundle: { codePath: bundle },
      activities,
      workflowThreadPoolSize: 1,
      // Cancellation comes back with a beat: by default one goes out every 8 s.
      maxHeartbeatThrottleInterval: 50,
      shutdownGraceTime: 1,
      shutdownForceTime: 5_000,
      ...options,
    });
  return {
    client,
    bench,
    createWorker,
    async withWorker(activities, body) {
      const taskQueue = `test-${randomUUID()}`;
      const worker = await createWorker(activities, taskQueue);
      return worker.runUntil(() => body(bench(taskQueue)));
    },
    async close() {
      await Promise.all([connection.close(), native.close()]);
    },
  };
}

/** The lab of a test file, on the server and with the bundle of the test run. */
export function useLab(): { readonly lab: Lab } {
  let lab: Lab | undefined;
  beforeAll(async () => {
    lab = await openLab({ address: inject('temporalAddress'), bundle: inject('workflowBundle') });
  });
  afterAll(() => lab?.close());
  return {
    get lab() {
      if (!lab) throw new Error('the lab is there only while tests run');
      return lab;
    },
  };
}

/** The error of a run that has to end badly. */
export async function endOf(handle: Pick<WorkflowHandleWithStartDetails, 'result'>): Promise<WorkflowFailedError> {
  const error: unknown = await handle.result().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowFailedError) return error;
  throw new Error('the run was expected to end badly', { cause: error });
}

/** Events of one execution: of the first one in a chain where its run id is given. */
export async function eventsOf(lab: Pick<Lab, 'client'>, workflowId: string, runId?: string): Promise<HistoryEvent[]> {
  return (await lab.client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
}

/** What happened to activities and children, in order, e.g. `fetchPages scheduled`. */
export function courseOf(events: readonly HistoryEvent[]): string[] {
  const names = new Map<string, string>();
  const nameOf = (id: unknown): string => names.get(String(id)) ?? 'unknown';
  const course: string[] = [];
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const requested = event.activityTaskCancelRequestedEventAttributes;
    const completed = event.activityTaskCompletedEventAttributes;
    const failed = event.activityTaskFailedEventAttributes;
    const canceled = event.activityTaskCanceledEventAttributes;
    if (scheduled) {
      names.set(String(event.eventId), scheduled.activityType?.name ?? '');
      course.push(`${scheduled.activityType?.name} scheduled`);
    }
    if (requested) course.push(`${nameOf(requested.scheduledEventId)} cancel requested`);
    if (completed) course.push(`${nameOf(completed.scheduledEventId)} completed`);
    if (failed) course.push(`${nameOf(failed.scheduledEventId)} failed`);
    if (canceled) course.push(`${nameOf(canceled.scheduledEventId)} canceled`);
    if (event.workflowExecutionCancelRequestedEventAttributes) course.push('run cancel requested');
    if (event.workflowExecutionCanceledEventAttributes) course.push('run canceled');
    if (event.workflowExecutionCompletedEventAttributes) course.push('run completed');
    if (event.workflowExecutionFailedEventAttributes) course.push('run failed');
    if (event.workflowExecutionContinuedAsNewEventAttributes) course.push('run continued as new');
    if (event.workflowExecutionTerminatedEventAttributes) course.push('run terminated');
  }
  return course;
}

/** Value of a payload as the workflow gave it. */
export function valueOf(payload: Payload | null | undefined): unknown {
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}
