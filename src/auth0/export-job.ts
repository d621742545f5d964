import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';
import { parseInstant } from '../resources/columns.js';
import { isLoopback } from './loopback.js';
import type { ManagementApi } from './http.js';

const jobAnswer = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.string().nullish(),
  location: z.string().nullish(),
});

/** A users export job as the tenant describes it. */
export interface ExportJob {
  id: string;
  /** `pending`, `processing`, `completed` or `failed`; the strings are not part of the published schema. */
  status: string;
  /** When it was created, ms since 1970 by the tenant's clock. */
  createdAt: number | undefined;
  /** Signed link to the file, good for 60 s; each request for the job brings a fresh one. */
  location: string | undefined;
}

/**
 * Asks for an export of all users. Not idempotent: a repeated request makes a second job, which does no harm.
 * https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
 */
export async function createExportJob(
  api: ManagementApi,
  fields: readonly string[],
  signal: AbortSignal,
): Promise<ExportJob & { answeredAt: number }> {
  const answer = await api.send(
    {
      method: 'POST',
      path: '/api/v2/jobs/users-exports',
      body: { format: 'json', fields: [...new Set(fields)].map((name) => ({ name })) },
    },
    signal,
  );
  return { ...readJob(answer.text), answeredAt: answer.serverTime };
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
  return { id, status, createdAt: parseInstant(created), location: location ?? undefined };
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
