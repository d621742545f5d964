import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { WorkflowNotFoundError } from '@temporalio/client';
import { createStateRows } from '../clickhouse/state-rows.js';
import type { Config } from '../config/config.js';
import { type ResourceName, resourceWorkflowId } from '../contracts/names.js';
import { isLogId, parseState, type StateDocument, stateOfLogId, type TenantState } from '../state/document.js';
import { importState } from '../state/import.js';
import { connectTemporal, type TemporalHandle } from '../temporal/connect.js';
import { programVersion } from '../version.js';
import { type CommonFlags, configOf, openOutput, reach, theTenant } from './context.js';
import { migrateDestination, openDestination } from './destination.js';
import { CommandError, describeFailure, EXIT, UsageError } from './failure.js';

interface ImportFlags extends CommonFlags {
  force?: boolean;
}

/** Prints the checkpoints and gaps of the tenants as a document that `state import` takes. */
export async function stateExport(flags: CommonFlags): Promise<number> {
  const config = configOf(flags);
  const { tenants } = reach(config);
  const destination = await openDestination(config);
  try {
    const rows = createStateRows(destination.client, config.clickhouse.database);
    // Where no tenant is known here, all that are in the tables are meant.
    const states = await rows.read(tenants.length === 0 ? null : tenants);
    if (states.length === 0)
      throw new CommandError(`No state is held of ${tenants.join(', ') || 'any tenant'}: nothing was copied yet`);
    const document: StateDocument = {
      version: 1,
      program: `auth0-clickhouse ${programVersion()}`,
      exportedAt: new Date().toISOString(),
      tenants: states,
    };
    process.stdout.write(`${flags.json ? JSON.stringify(document) : JSON.stringify(document, null, 2)}\n`);
    return EXIT.done;
  } finally {
    await destination.close();
  }
}

/** Takes over checkpoints and gaps: from a document, from stdin (`-`), or another tool's position (a log id). */
export async function stateImport(source: string, flags: ImportFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const states = await readSource(source, config, flags.tenant);
  await prepareTables(config);
  const asked = await openRuns(config);
  if (asked.problem !== null)
    output.terminal.line(
      output.terminal.colors.yellow(`Whether a run is under way could not be asked: ${asked.problem}`),
    );
  const destination = await openDestination(config, { create: true });
  try {
    if (config.clickhouse.url === null && reach(config).clickhouse === null)
      await migrateDestination(config, destination.url);
    const rows = createStateRows(destination.client, config.clickhouse.database);
    const imported = await importState({ rows, isRunning: asked.isRunning, now: Date.now }, states, {
      force: flags.force ?? false,
    });
    for (const { tenant, checkpoints, gaps } of imported) {
      for (const [resource, what] of Object.entries(checkpoints))
        output.terminal.line(`  ${tenant} ${resource}  ${what}`);
      if (gaps > 0) output.terminal.line(`  ${tenant}: ${gaps} ${gaps === 1 ? 'gap' : 'gaps'} added`);
    }
    output.terminal.line('The next sync goes on from there.');
    output.result({ status: 'imported', tenants: imported });
    return EXIT.done;
  } finally {
    await destination.close();
    await asked.close();
  }
}

/** The states to import. Throws UsageError where the source holds none of them. */
async function readSource(source: string, config: Config, tenant: string | undefined): Promise<TenantState[]> {
  if (isLogId(source) && !existsSync(source)) return [stateOfLogId(theTenant(reach(config)), source)];
  let content: string;
  try {
    content = source === '-' ? await text(process.stdin) : readFileSync(source, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`${source} cannot be read (${code}), and it is no log id`);
  }
  const trimmed = content.trim();
  if (isLogId(trimmed)) return [stateOfLogId(theTenant(reach(config)), trimmed)];
  try {
    const { tenants } = parseState(content);
    const wanted = tenants.filter((state) => tenant === undefined || state.tenant === tenant);
    if (wanted.length > 0) return wanted;
    throw new Error(`it holds no tenant ${tenant}, but ${tenants.map((state) => state.tenant).join(', ')}`);
  } catch (error) {
    throw new UsageError(`${source} is no state to import: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Another cluster may have no tables yet: they are made as a worker makes them. */
async function prepareTables(config: Config): Promise<void> {
  const { clickhouse } = reach(config);
  if (clickhouse !== null) await migrateDestination(config, clickhouse.url);
}

interface Runs {
  problem: string | null;
  isRunning: (tenant: string, resource: ResourceName) => Promise<boolean | null>;
  close(): Promise<void>;
}

/** Temporal knows what is under way. Where it does not answer, no worker gets anything to do either. */
async function openRuns(config: Config): Promise<Runs> {
  const nobody = { isRunning: () => Promise.resolve(null), close: () => Promise.resolve() };
  const { temporal } = reach(config);
  if (temporal === null) return { ...nobody, problem: 'Temporal is not running here, and TEMPORAL_ADDRESS is not set' };
  let handle: TemporalHandle;
  try {
    handle = await connectTemporal(temporal);
  } catch (error) {
    return { ...nobody, problem: describeFailure(error).message };
  }
  return {
    problem: null,
    close: () => handle.close(),
    async isRunning(tenant, resource) {
      try {
        const { status } = await handle.client.workflow.getHandle(resourceWorkflowId(tenant, resource)).describe();
        return status.name === 'RUNNING';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
  };
}
