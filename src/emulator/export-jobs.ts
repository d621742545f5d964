import { createHmac, randomBytes } from 'node:crypto';

import { z } from 'zod';

import { managementError, storageError } from './api-error.js';
import type { EmulatorSettings } from './settings.js';
import type { UserView } from './user-store.js';

const JOB_LIFE_MS = 24 * 3_600_000;

const fieldSchema = z.strictObject({
  name: z.string().min(1).max(100),
  export_as: z.string().min(1).max(100).optional(),
});

const requestSchema = z.strictObject({
  connection_id: z
    .string()
    .regex(/^con_[A-Za-z0-9]{16}$/)
    .optional(),
  format: z.enum(['json', 'csv']).optional(),
  limit: z.int().min(1).optional(),
  fields: z.array(fieldSchema).optional(),
});

/** A field to export, and its name in the file. */
export type ExportField = z.infer<typeof fieldSchema>;

/** What an export was asked for. */
export type ExportRequest = z.infer<typeof requestSchema>;

/** An export job. */
export interface ExportJob {
  readonly id: string;
  readonly request: ExportRequest;
  readonly connection: string | undefined;
  readonly createdMs: number;
  /** The users as they were when the job was made. */
  readonly users: UserView;
}

/** Reads the body that asks for an export. Throws the API's 400 for what it does not know. */
export function parseExportRequest(body: string): ExportRequest {
  let value: unknown;
  try {
    value = body.trim() === '' ? {} : JSON.parse(body);
  } catch {
    throw managementError(400, 'Invalid request payload JSON format');
  }
  const parsed = requestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : ` on property ${issue.path.join('.')}`;
    throw managementError(400, `Payload validation error: '${issue?.message ?? 'invalid'}'${where}.`, 'invalid_body');
  }
  if (parsed.data.format === 'csv') {
    throw managementError(400, 'This emulated tenant exports json only; format csv is not supported.', 'invalid_body');
  }
  return parsed.data;
}

/** Keeps the export jobs. What a job is at a time follows from its age alone. */
export class ExportJobs {
  readonly #jobs = new Map<string, ExportJob>();
  readonly #key = randomBytes(16);
  #links = 0;

  /** Makes a job. */
  create(job: Omit<ExportJob, 'id'>): ExportJob {
    const made = { ...job, id: `job_${randomBytes(12).toString('base64url').replaceAll(/[-_]/g, 'x')}` };
    this.#jobs.set(made.id, made);
    return made;
  }

  /** A job by its id. Throws the API's 404 when it is unknown or older than a day. */
  get(id: string, nowMs: number): ExportJob {
    const job = this.#jobs.get(id);
    if (job === undefined) throw jobNotFound();
    if (nowMs - job.createdMs < JOB_LIFE_MS) return job;
    this.#jobs.delete(id);
    throw jobNotFound();
  }

  /** Part of the link that proves it: valid for a time, and different each time it is asked for. */
  sign(path: string, nowMs: number, lifeSeconds: number): string {
    const expires = String(Math.ceil(nowMs / 1000 + lifeSeconds));
    const nonce = String(++this.#links);
    const signature = this.#signature(path, expires, nonce);
    return new URLSearchParams({ Expires: expires, 'Key-Pair-Id': `K${nonce}`, Signature: signature }).toString();
  }

  /** Checks a link. Throws the store's XML 403 when it is expired or not ours. */
  verify(path: string, query: URLSearchParams, nowMs: number): void {
    const expires = query.get('Expires') ?? '';
    const nonce = (query.get('Key-Pair-Id') ?? '').slice(1);
    if (query.get('Signature') !== this.#signature(path, expires, nonce)) {
      throw storageError(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
      );
    }
    if (Number(expires) * 1000 <= nowMs) throw storageError(403, 'AccessDenied', 'Request has expired');
  }

  #signature(path: string, expires: string, nonce: string): string {
    return createHmac('sha256', this.#key).update(`${path} ${expires} ${nonce}`).digest('base64url');
  }
}

/** How far a job is: a third of its time pending, then processing, then at its end. */
export function jobProgress(
  job: ExportJob,
  nowMs: number,
  settings: Pick<EmulatorSettings, 'exportJobMs' | 'exportOutcome'>,
): {
  readonly status: 'pending' | EmulatorSettings['exportOutcome'];
  readonly percentage: number;
  readonly secondsLeft: number;
} {
  const done = settings.exportJobMs === 0 ? 1 : Math.min(1, (nowMs - job.createdMs) / settings.exportJobMs);
  const secondsLeft = Math.ceil(((1 - done) * settings.exportJobMs) / 1000);
  if (done >= 1) return { status: settings.exportOutcome, percentage: 100, secondsLeft: 0 };
  return { status: done < 1 / 3 ? 'pending' : 'processing', percentage: Math.floor(done * 100), secondsLeft };
}

function jobNotFound(): Error {
  return managementError(404, 'Job not found.', 'inexistent_job');
}
