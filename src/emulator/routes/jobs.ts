import { managementError, storageError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import { emptyReply, jsonReply, type EmulatorRequest, type Reply } from '../exchange.js';
import { exportFile } from '../export-file.js';
import { jobProgress, parseExportRequest, type ExportJob } from '../export-jobs.js';

/** POST /api/v2/jobs/users-exports. Throws the API's 400 for a body that it does not know. */
export function createExport(context: EmulatorContext, request: EmulatorRequest): Reply {
  const asked = parseExportRequest(request.body);
  const connection = connectionOf(context, asked.connection_id);
  const users = context.tenant.users.snapshot();
  const job = context.jobs.create({ request: asked, connection, createdMs: request.nowMs, users });
  context.stats.exportCreated();
  return jsonReply({ ...describe(job), status: 'pending' });
}

/** GET /api/v2/jobs/{id}. Throws the API's 404 for a job that is unknown or older than a day. */
export function getJob(context: EmulatorContext, request: EmulatorRequest): Reply {
  const { settings, jobs } = context;
  const job = jobs.get(request.parameters[0] ?? '', request.nowMs);
  const { status, percentage, secondsLeft } = jobProgress(job, request.nowMs, settings);
  if (status === 'pending') return jsonReply({ ...describe(job), status });
  if (status === 'processing') {
    return jsonReply({ ...describe(job), status, percentage_done: percentage, time_left_seconds: secondsLeft });
  }
  if (status === 'failed') return jsonReply({ ...describe(job), status, status_details: 'Failed to export users' });
  if (status !== 'completed') return jsonReply({ ...describe(job), status });
  const path = `/_export/${job.id}/${context.options.tenant}.json.gz`;
  const location = `${request.origin}${path}?${jobs.sign(path, request.nowMs, settings.exportLinkSeconds)}`;
  return jsonReply({ ...describe(job), status, percentage_done: 100, time_left_seconds: 0, location });
}

/** GET /api/v2/jobs/{id}/errors. Throws the API's 404 for an unknown job. */
export function getJobErrors(context: EmulatorContext, request: EmulatorRequest): Reply {
  context.jobs.get(request.parameters[0] ?? '', request.nowMs);
  return emptyReply();
}

/** GET of an export's link. Throws the store's XML errors. */
export function downloadExport(context: EmulatorContext, request: EmulatorRequest): Reply {
  if (request.headers.authorization !== undefined) {
    throw storageError(
      400,
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    );
  }
  context.jobs.verify(request.path, request.query, request.nowMs);
  const job = storedJob(context, request);
  const { exportIdentityTokens, exportNulls } = context.settings;
  const style = { identityTokens: exportIdentityTokens, nulls: exportNulls };
  return {
    status: 200,
    headers: { 'content-type': 'application/gzip' },
    body: () => exportFile(job, context.tenant.userRecords, style),
  };
}

function storedJob(context: EmulatorContext, request: EmulatorRequest): ExportJob {
  try {
    return context.jobs.get(request.parameters[0] ?? '', request.nowMs);
  } catch {
    throw storageError(404, 'NoSuchKey', 'The specified key does not exist.');
  }
}

function connectionOf(context: EmulatorContext, id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  const kind = context.tenant.userIdentities.kinds.find(({ connectionId }) => connectionId === id);
  if (kind === undefined) throw managementError(400, 'The connection does not exist.', 'inexistent_connection');
  return kind.connection;
}

function describe(job: ExportJob): object {
  const { connection_id: connectionId, limit, fields } = job.request;
  return {
    type: 'users_export',
    created_at: new Date(job.createdMs).toISOString(),
    id: job.id,
    format: 'json',
    ...(connectionId === undefined ? {} : { connection_id: connectionId, connection: job.connection }),
    ...(limit === undefined ? {} : { limit }),
    ...(fields === undefined ? {} : { fields }),
  };
}
