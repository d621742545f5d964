import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';

import type { ExportField, ExportJob } from './export-jobs.js';
import type { UserRecords } from './user-record.js';
import { jsonWire, parseWire, quoteWire, wireBytes, type Members, type WireText } from './wire-text.js';

const CHUNK_CHARACTERS = 128 * 1024;

// The API does not publish what an export without `fields` holds; these are the normalized profile fields.
const PREDEFINED = [
  'user_id',
  'email',
  'name',
  'nickname',
  'given_name',
  'family_name',
  'picture',
  'created_at',
  'updated_at',
  'email_verified',
];

/** How unset fields and tokens are exported. */
export interface ExportStyle {
  readonly identityTokens: boolean;
  readonly nulls: boolean;
}

/**
 * The file of an export: gzip of one JSON object a line, made while it is read, so that its size does not matter. Lines come in
 * the order in which the users were created.
 */
export function exportFile(job: ExportJob, records: UserRecords, style: ExportStyle): Readable {
  const lines = Readable.from(exportChunks(job, records, style), { objectMode: true });
  const gzip = createGzip({ level: 1, chunkSize: 64 * 1024 });
  gzip.once('close', () => lines.destroy());
  lines.once('error', (error) => gzip.destroy(error));
  return lines.pipe(gzip);
}

/** The lines of an export, many to a chunk. */
export function* exportChunks(job: ExportJob, records: UserRecords, style: ExportStyle): Generator<Buffer, void> {
  const fields = compileFields(job.request.fields ?? PREDEFINED.map((name) => ({ name })));
  const only = new Set(fields.flatMap(({ name, root }) => [name, root]));
  const limit = job.request.limit ?? Infinity;
  const { users, connection } = job;
  let chunk = '';
  let written = 0;
  for (let index = 0; index < users.size && written < limit; index++) {
    if (users.isRemoved(index)) continue;
    const user = users.facts(index);
    if (connection !== undefined && user.kind.connection !== connection) continue;
    chunk += `${exportLine(records.members(user, { identityTokens: style.identityTokens, only }), fields, style.nulls)}\n`;
    written++;
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield wireBytes(chunk);
      chunk = '';
    }
  }
  if (chunk !== '') yield wireBytes(chunk);
}

/** A field of an export, made ready for many lines. */
export interface CompiledField {
  readonly name: string;
  /** Its name in the file, as a JSON string. */
  readonly key: WireText;
  /** First step of the path that the name is. */
  readonly root: string;
  /** Further steps; none for a plain name. */
  readonly steps: readonly string[];
}

/** Makes fields ready: a name may be a path as `identities[0].connection`. */
export function compileFields(fields: readonly ExportField[]): readonly CompiledField[] {
  return fields.map(({ name, export_as: exportAs }) => {
    const [root = name, ...steps] = name.split(/[.[\]]+/).filter((step) => step !== '');
    return { name, key: quoteWire(exportAs ?? name), root, steps };
  });
}

/** One line of an export: the fields named, in their order. */
export function exportLine(members: Members, fields: readonly CompiledField[], nulls: boolean): WireText {
  const texts = new Map(members);
  let line = '{';
  for (const field of fields) {
    const text =
      texts.get(field.name) ?? valueAtPath(texts.get(field.root), field.steps) ?? (nulls ? 'null' : undefined);
    if (text !== undefined) line += line.length > 1 ? `,${field.key}:${text}` : `${field.key}:${text}`;
  }
  return `${line}}`;
}

function valueAtPath(text: WireText | undefined, steps: readonly string[]): WireText | undefined {
  if (text === undefined || steps.length === 0) return undefined;
  let value: unknown = parseWire(text);
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value === undefined ? undefined : jsonWire(value);
}
