import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { parseInstant } from '../resources/columns.js';
import { isLoopback } from './loopback.js';
import type { ManagementApi } from './http.js';

/** What a job's status means: it is under way, its file is there, or it has ended without one. */
export type ExportJobState = 'open' | 'completed' | 'failed';

/**
 * The strings are not part of the published schema: `pending`, `processing`, `completed` and `failed` are seen. A word
 * that speaks neither of work under way nor of success is an end, or a run would wait for it until its patience is over.
 */
function stateOf(status: string): ExportJobState {
  if (/^(complete|success|succeed|done|finish|ready)/i.test(status)) return 'completed';
  return /^(pend|process|in.?progress|queue|enqueue|run|wait|schedul|creat|start|accept|active|retry)/i.test(status)
    ? 'open'
    : 'failed';
}

const jobAnswer = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.string().nullish(),
  location: z.string().nullish(),
});

/** A users export job as the tenant describes it. */
export interface ExportJob {
  id: string;
  /** How far it is. */
  state: ExportJobState;
  /** When it was created, ms since 1970 by the tenant's clock. */
  createdAt: number | undefined;
  /** Signed link to the file, good for 60 s; each request for the job brings a fresh one. */
  location: string | undefined;
}

/** How long a request for a job waits for another one of the tenant to end, ms. */
const BUSY_FOR_MS = 10 * 60_000;
const LONGEST_BUSY_WAIT_MS = 60_000;

/**
 * Asks for an export of all users; waits while the tenant refuses it since another one is under way. Not idempotent: a
 * repeated request makes a second job, which does no harm.
 * https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
 */
export async function createExportJob(
  api: ManagementApi,
  fields: readonly string[],
  signal: AbortSignal,
): Promise<ExportJob & { answeredAt: number }> {
  const body = { format: 'json', fields: [...new Set(fields)].map((name) => ({ name })) };
  const until = Date.now() + BUSY_FOR_MS;
  for (let wait = 1_000; ; wait = Math.min(wait * 2, LONGEST_BUSY_WAIT_MS)) {
    try {
      const answer = await api.send({ method: 'POST', path: '/api/v2/jobs/users-exports', body }, signal);
      return { ...readJob(answer.text), answeredAt: answer.serverTime };
    } catch (error) {
      if (!(error instanceof ExtractError) || !isBusyExporting(error)) throw error;
      const { context } = error;
      if (Date.now() >= until)
        throw new ExtractError('RateLimited', 'Another users export of the tenant does not come to its end', context);
      await sleep(error.retryAfterMs ?? wait, undefined, { signal });
    }
  }
}

/**
 * Whether a job is refused because another one is under way. How many a tenant takes is not documented; of imports it
 * says `There are 2 active import users jobs, please wait until some of them are finished and try again`, with a 429.
 */
function isBusyExporting({ context, message }: ExtractError): boolean {
  if (context.status === 409) return true;
  if (context.status !== 400 && context.status !== 429) return false;
  const isAboutJobs = /\b(export|job)s?\b/i.test(message);
  return isAboutJobs && /\b(active|already|another|concurrent|progress|ongoing|pending|running|wait)\b/i.test(message);
}

const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 10_000;
/** A completed job whose link is missing is asked again for so long, ms. */
const LINK_WAIT_MS = 60_000;

/**
 * Asks for a job, ever less often, until it has ended, is gone, or is not done by `until` (ms since 1970), which makes it
 * late. Throws what `read` throws.
 */
export async function waitForExport(
  read: () => Promise<ExportJob | null>,
  { until, signal }: { until: number; signal: AbortSignal },
): Promise<{ outcome: 'completed' | 'failed' | 'gone' | 'late' }> {
  let completedAt: number | undefined;
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 1.5, LONGEST_POLL_MS)) {
    const job = await read();
    if (job === null) return { outcome: 'gone' };
    if (job.state === 'failed') return { outcome: 'failed' };
    if (job.state === 'completed') {
      if (job.location !== undefined) return { outcome: 'completed' };
      completedAt ??= Date.now();
      if (Date.now() - completedAt >= LINK_WAIT_MS) return { outcome: 'failed' };
    }
    if (Date.now() >= until) return { outcome: 'late' };
    await sleep(wait, undefined, { signal });
  }
}

/** Asks how a job is doing. Null when it is gone: everything about it is deleted after 24 h. */
export async function readExportJob(api: ManagementApi, id: string, signal: AbortSignal): Promise<ExportJob | null> {
  try {
    const { text } = await api.send({ path: `/api/v2/jobs/${encodeURIComponent(id)}` }, signal);
    return readJob(text);
  } catch (error) {
    if (error instanceof ExtractError && error.context.status === 404) return null;
    throw error;
  }
}

function readJob(text: string): ExportJob {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const parsed = jobAnswer.safeParse(body);
  if (!parsed.success)
    throw new ExtractError('UnreadableAnswer', "The tenant's answer is no export job", { status: 200 });
  const { id, status, created_at: created, location } = parsed.data;
  return { id, state: stateOf(status), createdAt: parseInstant(created), location: location ?? undefined };
}

/** The download link as a URL: samples show it without a scheme. Throws ExtractError for plain http elsewhere. */
export function downloadUrl(location: string, origin: string): URL {
  const hasScheme = /^[a-z]+:\/\//i.test(location);
  const text = hasScheme ? location : location.startsWith('/') ? `${origin}${location}` : `https://${location}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw new ExtractError('UnreadableAnswer', 'The export job has an unreadable download link');
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw new ExtractError('UnreadableAnswer', 'The export job has a download link that is not https');
}
