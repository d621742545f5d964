import { createHash } from 'node:crypto';
import { compareLogIds } from '../../src/auth0/log-id.js';
import { isResourceName, RESOURCES, type ResourceName, resourceWorkflowId } from '../../src/contracts/names.js';
import type { ChaosTenant, Stack } from './stack.js';
import { until } from './wait.js';

const KEY = { logs: 'log_id', users: 'user_id', clients: 'client_id' } as const satisfies Record<ResourceName, string>;

/** What a tenant's copy was found to be. */
export interface Findings {
  /** Records that were compared. */
  compared: number;
  /** Ids that the tenant has and the views do not. */
  lost: number;
  /** Rows of the views beyond one an id. */
  doubled: number;
  /** Ids in the views that the tenant does not have. */
  foreign: number;
  /** Log rows in storage beyond one an id, not yet merged away: what a retry stored twice and readers do not see. */
  rawDuplicates: number;
  /** Everything that does not hold, in words. */
  problems: string[];
}

/** Compares the copy of a tenant with the tenant, and the pipeline's own tables with both. */
export async function checkCopy(stack: Stack, tenant: ChaosTenant, copies: CopiesMade): Promise<Findings> {
  const findings: Findings = { compared: 0, lost: 0, doubled: 0, foreign: 0, rawDuplicates: 0, problems: [] };
  for (const resource of RESOURCES) await compareIds(stack, tenant, resource, findings);
  await compareContent(stack, tenant, findings);
  await checkCheckpoints(stack, tenant, findings);
  await checkLedger(stack, tenant, copies, findings);
  return findings;
}

/** Copies of a tenant that have ended, well and badly. */
export interface CopiesMade {
  completed: number;
  failed: number;
}

async function compareIds(stack: Stack, tenant: ChaosTenant, resource: ResourceName, found: Findings): Promise<void> {
  const ids = (await tenant.lines(`ids/${resource}`)).map((line) => String(JSON.parse(line)));
  const wanted = new Set(ids);
  const rows = await stack.rows(`SELECT ${KEY[resource]} AS id FROM auth0.${resource} ${where(tenant)}`);
  const held = new Set(rows.map(({ id }) => id ?? ''));
  const lost = ids.filter((id) => !held.has(id)).length;
  const foreign = [...held].filter((id) => !wanted.has(id)).length;
  const doubled = rows.length - held.size;
  found.compared += ids.length;
  found.lost += lost;
  found.foreign += foreign;
  found.doubled += doubled;
  if (lost + foreign + doubled > 0)
    found.problems.push(`${resource}: ${lost} lost, ${doubled} doubled, ${foreign} that the tenant does not have`);
}

/** Logs as the tenant sent them, byte for byte; users no older than the tenant has them. */
async function compareContent(stack: Stack, tenant: ChaosTenant, found: Findings): Promise<void> {
  const logs = await textsOf(tenant, 'logs');
  const rows = await stack.rows(`SELECT log_id AS id, raw FROM auth0.logs ${where(tenant)} AND empty(redacted)`);
  const altered = rows.filter(({ id, raw }) => logs.has(id ?? '') && logs.get(id ?? '') !== raw).length;
  if (altered > 0) found.problems.push(`logs: ${altered} are not what the tenant sent`);

  const updated = new Map<string, number>();
  for (const [id, raw] of await textsOf(tenant, 'users')) {
    const user: { updated_at?: string } = JSON.parse(raw);
    updated.set(id, Date.parse(user.updated_at ?? ''));
  }
  const users = await stack.rows(
    `SELECT user_id AS id, toUnixTimestamp64Milli(updated_at) AS at FROM auth0.users ${where(tenant)}`,
  );
  const older = users.filter(({ id, at }) => Number(at) !== updated.get(id ?? '')).length;
  if (older > 0) found.problems.push(`users: ${older} are of another time than the tenant's`);

  const [raw] = await stack.rows(
    `SELECT count() - uniqExact(log_id) AS n FROM auth0.logs_raw WHERE tenant = '${tenant.name}'`,
  );
  found.rawDuplicates = Number(raw?.['n']);
}

/** The next run begins behind the newest log and nowhere else; nothing was given up for lost. */
async function checkCheckpoints(stack: Stack, tenant: ChaosTenant, found: Findings): Promise<void> {
  const ids = (await tenant.lines('ids/logs')).map((line) => String(JSON.parse(line)));
  const newest = ids.toSorted(compareLogIds).at(-1);
  const rows = await stack.rows(
    `SELECT resource, cursor, last_id, run_id FROM auth0.pipeline_checkpoints ${where(tenant)}`,
  );
  for (const resource of RESOURCES) {
    const own = rows.filter((row) => row['resource'] === resource);
    if (own.length !== 1) found.problems.push(`${resource}: ${own.length} checkpoints`);
  }
  const logs = rows.find(({ resource }) => resource === 'logs');
  if (logs?.['last_id'] !== newest || logs?.['cursor'] !== newest)
    found.problems.push(`logs: the checkpoint is at ${logs?.['cursor']}, the newest log is ${newest}`);
  for (const resource of ['users', 'clients'] as const) {
    const [last] = await stack.rows(
      `SELECT run_id FROM auth0.pipeline_runs ${where(tenant)} AND resource = '${resource}' AND status = 'completed'
       ORDER BY started_at DESC LIMIT 1`,
    );
    if (rows.find((row) => row['resource'] === resource)?.['run_id'] !== last?.['run_id'])
      found.problems.push(`${resource}: the checkpoint is not that of the last completed run`);
  }
  const gaps = await stack.rows(`SELECT * FROM auth0.pipeline_gaps ${where(tenant)}`);
  if (gaps.length > 0) found.problems.push(`${gaps.length} gaps were recorded, but nothing was lost`);
}

/** Each run has one row, which says how it ended, and its numbers add up. */
async function checkLedger(stack: Stack, tenant: ChaosTenant, copies: CopiesMade, found: Findings): Promise<void> {
  const runs = await stack.rows(
    `SELECT resource, run_id, status, rows, visible, reconciled FROM auth0.pipeline_runs ${where(tenant)} ORDER BY started_at`,
  );
  for (const { resource = '', run_id: runId = '', status, rows, visible, reconciled } of runs) {
    if (status === 'completed' && reconciled !== 'yes')
      found.problems.push(`${resource}: run ${runId} completed without being reconciled`);
    if (status === 'completed' && resource === 'logs' && rows !== visible)
      found.problems.push(`logs: run ${runId} says ${rows} rows and ${visible} visible`);
    if (status === 'running' && isResourceName(resource)) {
      const state = await stateOf(stack, resourceWorkflowId(tenant.name, resource), runId);
      if (state !== 'RUNNING') found.problems.push(`${resource}: the ledger says run ${runId} runs; it is ${state}`);
    }
  }
  for (const resource of RESOURCES) {
    const own = runs.filter((run) => run['resource'] === resource);
    if (copies.failed === 0 && own.length !== copies.completed)
      found.problems.push(`${resource}: ${own.length} rows in the ledger for ${copies.completed} runs`);
  }
  const logs = runs.filter((run) => run['resource'] === 'logs');
  const sum = logs.reduce((rows, run) => rows + Number(run['rows']), 0);
  const [held] = await stack.rows(`SELECT count() AS n FROM auth0.logs ${where(tenant)}`);
  // A run that failed may have stored rows that it does not know of, and which the next one stored again.
  if (logs.every(({ status }) => status === 'completed') && sum !== Number(held?.['n']))
    found.problems.push(`logs: the runs say ${sum} rows in all, the table holds ${held?.['n']}`);
  const last = (resource: ResourceName) =>
    runs.findLast((run) => run['resource'] === resource && run['status'] === 'completed');
  for (const resource of ['users', 'clients'] as const) {
    const [row] = await stack.rows(`SELECT count() AS n FROM auth0.${resource} ${where(tenant)}`);
    const visible = last(resource)?.['visible'];
    if (visible !== row?.['n'])
      found.problems.push(`${resource}: the last snapshot says ${visible} visible, the view holds ${row?.['n']}`);
  }
}

async function stateOf(stack: Stack, workflowId: string, runId: string): Promise<string> {
  const handle = stack.client.workflow.getHandle(workflowId, runId);
  return until('the state of a run', async () => (await handle.describe()).status.name, 60_000);
}

/** Texts of all records as the tenant serves them, by id. */
async function textsOf(tenant: ChaosTenant, resource: ResourceName): Promise<Map<string, string>> {
  const lines = await tenant.lines(`raw/${resource}`);
  return new Map(
    lines.map((line): [string, string] => {
      const { id, raw }: { id: string; raw: string } = JSON.parse(line);
      return [id, raw];
    }),
  );
}

/** One digest of everything that the tenant serves. */
export async function digestOf(tenant: ChaosTenant): Promise<string> {
  const hash = createHash('sha256');
  for (const resource of RESOURCES) for (const line of await tenant.lines(`raw/${resource}`)) hash.update(line);
  return hash.digest('hex');
}

function where(tenant: ChaosTenant): string {
  return `WHERE tenant = '${tenant.name}'`;
}
