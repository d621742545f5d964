import { createManagementApi, type ManagementApi } from '../../src/auth0/http.js';
import { downloadLines } from '../../src/auth0/export-download.js';
import { createExportJob, downloadUrl, readExportJob } from '../../src/auth0/export-job.js';
import { createPacer } from '../../src/auth0/pacer.js';
import { fetchPage, readExportLine } from '../../src/auth0/page-fetch.js';
import { OLDEST } from '../../src/auth0/paging/logs-start.js';
import { linkFrom } from '../../src/auth0/paging/pager.js';
import { createTokenSource } from '../../src/auth0/token.js';
import {
  type Cursor,
  FIRST_CLIENTS_PAGE,
  FIRST_USERS_PAGE,
  logsBeginning,
  PAGE_SIZE,
} from '../../src/contracts/cursor.js';
import { emulatorDefaults } from '../../src/emulator/options.js';
import type { RawRecord } from '../../src/json/page.js';
import { clients } from '../../src/resources/clients.js';
import { logs } from '../../src/resources/logs.js';
import type { Resource } from '../../src/resources/resource.js';
import { EXPORT_FIELDS, users } from '../../src/resources/users.js';
import type { BaselineSpec } from './spec.js';

export const RESOURCE: Readonly<Record<BaselineSpec['resource'], Resource>> = { logs, users, clients };
const NEVER = new AbortController().signal;

/** The same client of the API that the worker uses, with a token source and a pacer of its own. */
export function openApi(spec: BaselineSpec): ManagementApi {
  const { origin, headroom } = spec;
  const { clientId, clientSecret } = emulatorDefaults;
  const auth = { method: 'client_secret', clientSecret } as const;
  const credentials = { origin, audience: `${origin}/api/v2/`, clientId, auth };
  return createManagementApi({
    origin,
    tokens: createTokenSource(credentials),
    pacer: createPacer({ headroom, maxRps: null }),
    timeoutMs: 60_000,
    userAgent: 'auth0-clickhouse-bench',
  });
}

/** Where a position in the logs may be kept between two readings. */
export interface Position {
  cursor: Cursor | null;
}

/** Records of a resource as they come, a page or a chunk of the export file at a time. */
export function batchesOf(api: ManagementApi, spec: BaselineSpec, position: Position): AsyncGenerator<RawRecord[]> {
  return spec.resource === 'users' && spec.usersBy === 'export'
    ? exported(api)
    : pages(api, RESOURCE[spec.resource], position);
}

const FIRST: Readonly<Record<BaselineSpec['resource'], () => Cursor>> = {
  logs: () => logsBeginning(OLDEST),
  users: () => FIRST_USERS_PAGE,
  clients: () => FIRST_CLIENTS_PAGE,
};

async function* pages(api: ManagementApi, resource: Resource, position: Position): AsyncGenerator<RawRecord[]> {
  position.cursor ??= FIRST[resource.name]();
  for (;;) {
    const { step } = await fetchPage(api, resource, position.cursor);
    position.cursor = step.cursor;
    yield step.take;
    if (step.done) return;
  }
}

async function* exported(api: ManagementApi): AsyncGenerator<RawRecord[]> {
  for await (const lines of await openExport(api))
    yield lines.map((line) => readExportLine(line)).filter((user) => user !== undefined);
}

/** Fetches everything and looks at nothing but what leads to the next page. Returns characters. */
export async function fetchAll(api: ManagementApi, spec: BaselineSpec): Promise<number> {
  let characters = 0;
  if (spec.resource === 'users') {
    for await (const lines of await openExport(api)) for (const line of lines) characters += line.length;
    return characters;
  }
  if (spec.resource !== 'logs') throw new Error('fetch only is there for logs and users');
  const found = (await fetchPage(api, logs, logsBeginning(OLDEST))).step.cursor;
  let from = found.kind === 'logs' ? found.from : null;
  while (from !== null) {
    const { text, headers } = await api.send({ path: logs.path, query: { from, take: String(PAGE_SIZE) } });
    characters += text.length;
    const next = linkFrom(headers.get('link'));
    from = text.length <= 2 || next === from ? null : next;
  }
  return characters;
}

async function openExport(api: ManagementApi): Promise<AsyncGenerator<string[]>> {
  const { id } = await createExportJob(api, EXPORT_FIELDS, NEVER);
  const job = await readExportJob(api, id, NEVER);
  if (job?.location === undefined) throw new Error('the export job is not ready at once');
  return downloadLines(downloadUrl(job.location, api.origin), NEVER, api.timeoutMs);
}
