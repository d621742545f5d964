import { z } from 'zod';
import { stateSchema } from '../../src/state/document.js';

/** Shapes of the documents of `--json`, as docs/json.md describes them. Strict: a field that is not described fails. */
const text = z.string();
const number = z.number();
const instant = z.iso.datetime();

const resourceStatus = z.strictObject({
  state: z.enum(['running', 'retrying', 'paused', 'idle', 'never run', 'unknown']),
  rows: number.nullable(),
  lagMs: number.nullable(),
  cursor: text.nullable(),
  cursorAgeMs: number.nullable(),
  retentionMs: number.nullable(),
  timeLeftMs: number.nullable(),
  gaps: number.nullable(),
  deletesWaiting: number.nullable(),
  lastRun: z.strictObject({ status: text, endedAt: instant.nullable(), error: text.nullable() }).nullable(),
  lastGoodRun: z.strictObject({ endedAt: instant, rows: number }).nullable(),
  lastError: z.strictObject({ kind: text, message: text, next: text.nullable(), at: instant }).nullable(),
  retrying: text.nullable(),
  paused: z.strictObject({ reason: text.nullable(), since: text.nullable(), settled: z.boolean() }).nullable(),
  schedules: z
    .array(
      z.strictObject({
        schedule: text,
        everyMs: number.nullable(),
        paused: z.boolean(),
        note: text.nullable(),
        next: instant.nullable(),
      }),
    )
    .nullable(),
  nextRun: instant.nullable(),
  runRows: number.nullable(),
  total: number.nullable(),
  percent: number.min(0).max(100).nullable(),
  rowsPerSecond: number.nullable(),
  etaMs: number.nullable(),
  stale: text.nullable(),
});

const resourceName = z.enum(['logs', 'users', 'clients']);
const resources = z.partialRecord(resourceName, resourceStatus);
const parts = { status: z.enum(['ok', 'failed']), temporal: text, clickhouse: text, tables: text.nullable() };

/** What a run of one resource did. */
const resourceResult = z.strictObject({
  version: z.literal(1),
  tenant: text,
  resource: resourceName,
  status: z.enum(['completed', 'failed', 'unavailable', 'cancelled']),
  mode: z.enum(['logs', 'logs-backfill', 'clients', 'users-pages', 'users-changed', 'users-export']).nullable(),
  pages: number,
  rows: number,
  requests: number,
  malformed: number,
  redacted: number,
  cursor: text.nullable(),
  gaps: number,
  warnings: z.array(text),
  visible: number.nullable(),
  deleted: number,
  deletesWaiting: number.optional(),
  lost: number.optional(),
  durationMs: number,
  runId: text,
  error: z.strictObject({ kind: text, message: text }).optional(),
  joined: z.boolean().optional(),
});
const syncedTenant = z.strictObject({
  tenant: text,
  status: z.enum(['completed', 'failed']),
  resources: z.partialRecord(resourceName, resourceResult),
  error: z.strictObject({ message: text }).optional(),
});
const syncedTenants = z.strictObject({ status: z.enum(['completed', 'failed']), tenants: z.array(syncedTenant) });
const reached = {
  temporal: z.strictObject({ address: text, ui: text.nullable() }),
  clickhouse: z.strictObject({ url: text, database: text }),
};
const metrics = { metrics: z.strictObject({ url: text.nullable() }) };
const detached = z.strictObject({
  tenant: text,
  status: z.enum(['started', 'joined']),
  workflowId: text,
  runId: text,
});

const controlled = z.strictObject({
  tenant: text,
  status: z.enum(['paused', 'resumed', 'unanswered']),
  schedules: z.array(
    z.strictObject({
      scheduleId: text,
      action: z.enum(['paused', 'resumed', 'unchanged', 'none']),
      note: text.nullable(),
    }),
  ),
  runs: z.array(
    z.strictObject({
      workflowId: text,
      status: z.enum(['paused', 'pausing', 'resumed', 'unchanged', 'not running', 'unanswered']),
      rows: number.nullable(),
      cursor: text.nullable(),
      message: text,
    }),
  ),
});

const ids = z.array(text);
const verifiedTenant = z.strictObject({
  tenant: text,
  status: z.enum(['equal', 'different']),
  resources: z.partialRecord(
    resourceName,
    z.strictObject({
      source: number,
      destination: number,
      missing: number,
      extra: number,
      different: number,
      behind: number,
      changedSince: number,
      retainedOnly: number,
      repaired: number,
      sample: z.strictObject({ missing: ids, extra: ids, different: ids }),
    }),
  ),
});

const scheduleName = z.enum(['logs', 'users', 'users-changed', 'clients']);
const identity = { schedule: scheduleName, resource: resourceName, scheduleId: text };
const applied = z.strictObject({
  ...identity,
  action: z.enum([
    'created',
    'updated',
    'unchanged',
    'deleted',
    'none',
    'failed',
    'would-create',
    'would-update',
    'would-delete',
  ]),
  everyMs: number.nullable(),
  cron: text.nullable(),
  changes: z.array(z.strictObject({ field: text, from: text, to: text })),
  error: text.optional(),
});
const listed = z.strictObject({
  ...identity,
  times: text,
  timezone: text,
  everyMs: number.nullable(),
  jitterMs: number,
  paused: z.boolean(),
  note: text.nullable(),
  createdAt: instant,
  next: instant.nullable(),
  last: instant.nullable(),
  running: ids,
  skipped: number,
  missed: number,
  buffered: number,
  lastRun: z
    .strictObject({
      workflowId: text,
      startedAt: instant,
      outcome: z.enum(['running', 'completed', 'failed', 'cancelled', 'terminated', 'timed out', 'unknown']),
      endedAt: instant.nullable(),
      error: text.nullable(),
    })
    .nullable(),
  lastGoodRunAt: instant.nullable(),
  stale: z.boolean(),
  why: text.nullable(),
});
const missing = z.array(z.strictObject({ ...identity, why: text }));
const notConfigured = z.array(
  z.strictObject({
    tenant: text,
    schedule: scheduleName,
    scheduleId: text,
    paused: z.boolean(),
    next: instant.nullable(),
  }),
);
const deletedSchedule = z.strictObject({ ...identity, deleted: z.boolean() });
const pausedSchedule = z.strictObject({ ...identity, found: z.boolean(), paused: z.boolean(), note: text.nullable() });
/** The document of a command that answers with schedules: of one tenant, and of several. */
const ofOne = <T extends z.ZodType>(schedule: T) => z.strictObject({ tenant: text, schedules: z.array(schedule) });
const ofSeveral = <T extends z.ZodType>(schedule: T) => z.strictObject({ tenants: z.array(ofOne(schedule)) });

const gap = z.strictObject({
  id: text,
  tenant: text,
  resource: text,
  from: text,
  to: text,
  fromDate: instant.nullable(),
  toDate: instant.nullable(),
  reason: text,
  runId: text,
  foundAt: instant,
  state: z.enum(['open', 'acknowledged', 'refilled']),
  acknowledged: z.strictObject({ at: instant, by: text, note: text }).nullable(),
});
const listedRun = z.strictObject({
  tenant: text,
  resource: text,
  runId: text,
  mode: text,
  status: text,
  startedAt: instant,
  endedAt: instant.nullable(),
  pages: number,
  rows: number,
  requests: number,
  malformed: number,
  redacted: number,
  lost: number,
  gaps: number,
  visible: number.nullable(),
  deleted: number,
  deletesWaiting: number,
  reconciled: text,
  firstCursor: text,
  lastCursor: text,
  error: z.strictObject({ kind: text, message: text }).nullable(),
  warnings: z.array(text),
});

const shownSettings = z.array(
  z.strictObject({
    name: text,
    value: text.nullable(),
    from: z.enum(['flag', 'environment', '.env', 'file', 'tenants file', 'tenants file, defaults', 'default', 'unset']),
    file: text.nullable(),
  }),
);

export const JSON_SHAPES = {
  up: syncedTenant.extend({ ...reached, ...metrics }),
  upOfSeveral: syncedTenants.extend({ ...reached, ...metrics }),
  sync: syncedTenant.extend(reached),
  syncOfSeveral: syncedTenants.extend(reached),
  detached,
  detachedOfSeveral: z.strictObject({ status: z.literal('started'), tenants: z.array(detached) }),
  backfill: z.strictObject({
    tenant: text,
    status: resourceResult.shape.status,
    workflowId: text,
    joined: z.boolean(),
    result: resourceResult.extend({
      window: z.strictObject({ from: instant, to: instant }),
      held: number,
      refilled: number.optional(),
    }),
  }),
  controlled,
  cancelled: z.strictObject({
    tenant: text,
    status: z.enum(['cancelled', 'nothing', 'running']),
    runs: z.array(
      z.strictObject({
        workflowId: text,
        status: z.enum(['cancelled', 'completed', 'failed', 'terminated', 'running']),
        rows: number.nullable(),
        cursor: text.nullable(),
      }),
    ),
  }),
  verify: verifiedTenant,
  verifyOfSeveral: z.strictObject({ status: z.enum(['equal', 'different']), tenants: z.array(verifiedTenant) }),
  scheduleApply: ofOne(applied),
  scheduleApplyOfSeveral: ofSeveral(applied),
  scheduleList: ofOne(listed).extend({ missing, notConfigured }),
  scheduleListOfSeveral: z.strictObject({ tenants: z.array(ofOne(listed).extend({ missing })), notConfigured }),
  scheduleDelete: ofOne(deletedSchedule),
  scheduleDeleteOfSeveral: ofSeveral(deletedSchedule),
  schedulePause: ofOne(pausedSchedule),
  schedulePauseOfSeveral: ofSeveral(pausedSchedule),
  stateExport: stateSchema,
  /** ClickHouse's own: it may add fields. */
  query: z.looseObject({
    meta: z.array(z.strictObject({ name: text, type: text })),
    data: z.array(z.record(text, z.unknown())),
    rows: number,
  }),
  queryWithoutAnswer: z.strictObject({}),
  worker: z.strictObject({ event: z.literal('ready'), pid: number, metrics: text.nullable(), databaseId: text }),
  emulate: z.strictObject({ event: z.literal('ready'), origin: text, tenant: text, pid: number }),
  failure: z.strictObject({
    status: z.literal('failed'),
    error: z.strictObject({ message: text }),
    exitCode: number,
  }),
  status: z.strictObject({ tenant: text, ...parts, resources }),
  statusOfSeveral: z.strictObject({ ...parts, tenants: z.array(z.strictObject({ tenant: text, resources })) }),
  doctor: z.strictObject({
    status: z.enum(['ok', 'warn', 'fail']),
    groups: z.array(
      z.strictObject({
        part: z.enum(['configuration', 'tenant', 'clickhouse', 'temporal']),
        tenant: text.optional(),
        checks: z.array(
          z.strictObject({
            name: text,
            status: z.enum(['ok', 'warn', 'fail', 'skipped']),
            detail: text,
            cure: text.optional(),
          }),
        ),
      }),
    ),
  }),
  configShow: z.strictObject({
    settings: shownSettings,
    tenants: z.array(z.strictObject({ tenant: text, settings: shownSettings })),
    unknown: z.array(z.strictObject({ name: text, from: text, suggestion: text.nullable() })),
    problems: z.array(text),
  }),
  gapsList: z.strictObject({ gaps: z.array(gap) }),
  gapsAck: z.strictObject({ status: z.enum(['acknowledged', 'open', 'unchanged']), gaps: z.array(gap) }),
  runsList: z.strictObject({ runs: z.array(listedRun) }),
  runsShow: listedRun.extend({
    workflowId: text,
    log: z
      .array(z.strictObject({ time: text, level: text, message: text, fields: z.record(text, z.unknown()) }))
      .nullable(),
  }),
  reset: z.strictObject({
    tenant: text,
    resource: text.nullable(),
    status: z.enum(['reset', 'nothing']),
    tables: z.array(z.strictObject({ table: text, rows: number })),
  }),
  repairTables: z.strictObject({
    status: z.enum(['repaired', 'unchanged']),
    database: text,
    repaired: z.array(
      z.strictObject({
        name: text,
        kind: z.enum(['table', 'view', 'materialized view']),
        what: z.enum(['missing', 'changed', 'columns']),
      }),
    ),
  }),
  stateImport: z.strictObject({
    status: z.literal('imported'),
    tenants: z.array(
      z.strictObject({
        tenant: text,
        checkpoints: z.partialRecord(resourceName, z.enum(['imported', 'replaced', 'unchanged'])),
        gaps: number,
      }),
    ),
  }),
};

type Shape = keyof typeof JSON_SHAPES;
const SYNCED: readonly Shape[] = ['sync', 'syncOfSeveral', 'detached', 'detachedOfSeveral'];
const SCHEDULE_PAUSED: readonly Shape[] = ['schedulePause', 'schedulePauseOfSeveral'];

/** The documents of each command; what fails before it has one prints `failure`. */
export const SHAPES_OF_COMMAND: Readonly<Record<string, readonly Shape[]>> = {
  up: ['up', 'upOfSeveral'],
  sync: SYNCED,
  reload: SYNCED,
  backfill: ['backfill', 'detached'],
  pause: ['controlled'],
  resume: ['controlled'],
  cancel: ['cancelled'],
  status: ['status', 'statusOfSeveral'],
  doctor: ['doctor'],
  query: ['query', 'queryWithoutAnswer'],
  verify: ['verify', 'verifyOfSeveral'],
  'schedule apply': ['scheduleApply', 'scheduleApplyOfSeveral'],
  'schedule list': ['scheduleList', 'scheduleListOfSeveral'],
  'schedule delete': ['scheduleDelete', 'scheduleDeleteOfSeveral'],
  'schedule pause': SCHEDULE_PAUSED,
  'schedule resume': SCHEDULE_PAUSED,
  'config show': ['configShow'],
  'gaps list': ['gapsList'],
  'gaps ack': ['gapsAck'],
  'runs list': ['runsList'],
  'runs show': ['runsShow'],
  reset: ['reset'],
  'repair tables': ['repairTables'],
  'state export': ['stateExport'],
  'state import': ['stateImport'],
  worker: ['worker'],
  emulate: ['emulate'],
};
