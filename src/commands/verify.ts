import type { ClickHouseClient } from '@clickhouse/client';
import { createManagementApi } from '../auth0/http.js';
import { createPacer } from '../auth0/pacer.js';
import { createTokenSource } from '../auth0/token.js';
import { createPipelineStore } from '../clickhouse/store.js';
import type { Config, TenantConfig } from '../config/config.js';
import { RESOURCES, type ResourceName } from '../contracts/names.js';
import { readStack } from '../embedded/data-dir.js';
import { parseInstant } from '../resources/columns.js';
import type { VerifyDeps } from '../verify/deps.js';
import { DIFFERENCES, isEqual, type ResourceReport, type VerifyResult } from '../verify/report.js';
import { createRetry } from '../verify/retry.js';
import { verifyTenant } from '../verify/verify.js';
import { programVersion } from '../version.js';
import { type CommonFlags, configOf, openOutput, type Output, parseResources } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT, Interrupted, UsageError } from './failure.js';
import { knownTenants } from './known-tenants.js';
import { alignColumns, count, duration, type Terminal } from './terminal.js';

export interface VerifyFlags extends CommonFlags {
  resources?: string;
  from?: string;
  to?: string;
  repair?: boolean;
  limit?: string;
}

const DEFAULT_LIMIT = 20;

/**
 * Compares the copy with the tenant, id by id, and names what is missing, extra or different. Exit code 0: proven
 * equal up to the checkpoint; 1: not.
 */
export async function verify(flags: VerifyFlags): Promise<number> {
  const output = openOutput(flags);
  const asked = parseResources(flags.resources);
  const limit = parseLimit(flags.limit);
  const window = parseWindow(flags, asked ?? RESOURCES);
  const config = configOf(flags);
  // LOGS_START bounds what is copied at all, so it bounds the comparison where no --from does.
  const tasks = tenantsOf(config).map((tenant) => ({
    tenant,
    resources: asked ?? tenant.resources,
    window: { ...window, from: window.from ?? parseInstant(tenant.extract.logsStart) ?? null },
  }));
  const abort = new AbortController();
  const interrupt = (): void => abort.abort(new Interrupted());
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  const destination = await openDestination(config);
  const repairRunId = flags.repair ? `verify-${new Date().toISOString()}` : null;
  try {
    const results: VerifyResult[] = [];
    for (const { tenant, ...task } of tasks) {
      const deps = depsOf(tenant, destination.client, config.clickhouse.database, output.terminal, abort.signal);
      const result = await verifyTenant(deps, { ...task, repairRunId, limit });
      endProgress(output.terminal);
      print(output, tenant.name, result.resources, flags.repair ?? false);
      results.push(result);
    }
    const equal = results.every(({ status }) => status === 'equal');
    output.result(results.length === 1 ? results[0] : { status: equal ? 'equal' : 'different', tenants: results });
    return equal ? EXIT.done : EXIT.failed;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await destination.close();
  }
}

function depsOf(
  tenant: TenantConfig,
  clickhouse: ClickHouseClient,
  database: string,
  terminal: Terminal,
  signal: AbortSignal,
): VerifyDeps {
  const { credentials, httpTimeoutMs: timeoutMs } = tenant;
  return {
    tenant: tenant.name,
    api: createManagementApi({
      pacer: createPacer(tenant.pacing),
      origin: credentials.origin,
      tokens: createTokenSource(credentials, { timeoutMs }),
      timeoutMs,
      userAgent: `auth0-clickhouse/${programVersion()}`,
    }),
    clickhouse,
    database,
    store: createPipelineStore(clickhouse, database),
    exportFields: tenant.extract.exportFields,
    retry: createRetry({
      signal,
      say: (tries, error, waitMs) =>
        terminal.line(`Try ${tries} failed, again in ${duration(waitMs)}: ${error.message}`),
    }),
    progress: progressLine(terminal),
    signal,
  };
}

/** The tenants to ask. Throws CommandError: the credentials of a stack's own tenants are known to its worker only. */
function tenantsOf(config: Config): TenantConfig[] {
  const tenants = knownTenants(config);
  if (tenants.length > 0) return tenants;
  const running = (readStack(config.stack.dataDir)?.tenants ?? [])
    .map(({ name, origin }) => `${name} (${origin})`)
    .join(', ');
  const which = running === '' ? '' : `: those of ${running}, which is being copied`;
  throw new CommandError(
    `verify asks the tenant itself: set AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET (or AUTH0_PRIVATE_KEY), or name them in tenants.yaml${which}`,
  );
}

/** What `--from` and `--to` say, ms since 1970. Throws UsageError. */
function parseWindow(flags: VerifyFlags, resources: readonly ResourceName[]) {
  const [from, to] = [parseDate('--from', flags.from), parseDate('--to', flags.to)];
  if ((from !== null || to !== null) && !resources.includes('logs'))
    throw new UsageError('--from and --to bound the logs; users and clients are always compared whole');
  if (from !== null && to !== null && from >= to) throw new UsageError('--to must be later than --from');
  return { from, to };
}

function parseDate(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseInstant(text);
  if (ms === undefined)
    throw new UsageError(`${flag} ${text} is no ISO 8601 date such as 2026-01-31 or 2026-01-31T12:00:00Z`);
  return ms;
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--limit ${text} must be a whole number`);
  return Number(text);
}

const REDRAW_MS = 400;
/** Without a terminal that can be drawn on, a line goes out only so often. */
const LINE_MS = 15_000;

function progressLine(terminal: Terminal): VerifyDeps['progress'] {
  let shownAt = Date.now();
  return (resource, read) => {
    const now = Date.now();
    if (now - shownAt < (terminal.live ? REDRAW_MS : LINE_MS)) return;
    shownAt = now;
    const text = `Comparing ${resource}: ${count(read)} read`;
    if (terminal.live) terminal.redraw([text]);
    else terminal.line(text);
  };
}

function endProgress(terminal: Terminal): void {
  if (terminal.live) terminal.redraw([]);
  terminal.keep();
}

function print(
  { terminal }: Output,
  tenant: string,
  reports: Partial<Record<ResourceName, ResourceReport>>,
  repaired: boolean,
): void {
  const { colors } = terminal;
  const entries = RESOURCES.flatMap((resource) => {
    const report = reports[resource];
    return report === undefined ? [] : [{ resource, report }];
  });
  terminal.line(`Tenant ${tenant}`);
  const rows = entries.map(({ resource, report }) => [
    `  ${resource}`,
    `${count(report.source)} in the tenant`,
    `${count(report.destination)} held`,
    isEqual(report) ? colors.green('equal') : colors.red(differencesOf(report)),
  ]);
  for (const row of alignColumns(rows, [1, 2])) terminal.line(row);
  for (const { resource, report } of entries) {
    for (const kind of DIFFERENCES) {
      const ids = report.sample[kind];
      for (const id of ids) terminal.line(`  ${kind} in ${resource}: ${id}`);
      const more = report[kind] - ids.length;
      if (more > 0) terminal.line(`  ${kind} in ${resource}: ${count(more)} more (--limit N shows more of them)`);
    }
    for (const remark of remarksOn(resource, report)) terminal.line(`  ${remark}`);
  }
  if (repaired && entries.some(({ report }) => report.extra > 0))
    terminal.line('  --repair deletes nothing: users and clients that are gone are marked by a full snapshot');
}

function differencesOf(report: ResourceReport): string {
  return DIFFERENCES.filter((kind) => report[kind] > 0)
    .map((kind) => `${count(report[kind])} ${kind}`)
    .join(', ');
}

/** What is no difference, and yet has to be said. */
function remarksOn(resource: ResourceName, report: ResourceReport): string[] {
  const { behind, changedSince, retainedOnly, repaired } = report;
  return [
    ...(behind > 0 ? [`${count(behind)} ${resource} are newer than the last sync: the next one copies them`] : []),
    ...(changedSince > 0
      ? [`${count(changedSince)} ${resource} have changed since the last sync: the next one copies them`]
      : []),
    ...(retainedOnly > 0 ? [`${count(retainedOnly)} ${resource} are held that the tenant no longer keeps`] : []),
    ...(repaired > 0 ? [`${count(repaired)} ${resource} were fetched and stored`] : []),
  ];
}
