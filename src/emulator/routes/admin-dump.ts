import { Readable } from 'node:stream';

import { managementError } from '../api-error.js';
import type { EmulatorContext } from '../context.js';
import type { EmulatorRequest, Reply } from '../exchange.js';
import { recordIds, recordTexts, type ResourceName } from '../records.js';
import { wireBytes, type WireText } from '../wire-text.js';

const CHUNK_CHARACTERS = 256 * 1024;

/** GET /_emulator/ids/{resource}: a JSON string a line. Logs older than the retention are left out unless `all=1` is given. */
export function dumpIds(context: EmulatorContext, request: EmulatorRequest): Reply {
  return linesReply(recordIds(context, dumped(request), keptAt(request)));
}

/** GET /_emulator/raw/{resource}: `{"id", "raw"}` a line, raw being the record's text as it is served to a token with all scopes. */
export function dumpTexts(context: EmulatorContext, request: EmulatorRequest): Reply {
  return linesReply(recordTexts(context, dumped(request), keptAt(request)));
}

function dumped(request: EmulatorRequest): ResourceName {
  const [name] = request.parameters;
  if (name === 'logs' || name === 'users' || name === 'clients') return name;
  throw managementError(404, 'Not Found');
}

function keptAt(request: EmulatorRequest): number | undefined {
  return request.query.get('all') === '1' ? undefined : request.nowMs;
}

function linesReply(lines: Iterable<WireText>): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: () => Readable.from(chunks(lines)) };
}

function* chunks(lines: Iterable<WireText>): Generator<Buffer, void> {
  let chunk = '';
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield wireBytes(chunk);
    chunk = '';
  }
  if (chunk !== '') yield wireBytes(chunk);
}
