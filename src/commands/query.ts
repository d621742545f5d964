import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { type ClickHouseClient, ClickHouseError, type ClickHouseSettings } from '@clickhouse/client';
import { tenantFilter } from '../clickhouse/tenant-filter.js';
import { ExtractError } from '../contracts/errors.js';
import { onLines } from '../printable.js';
import { type CommonFlags, configOf, openOutput } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT, UsageError } from './failure.js';

export interface QueryFlags extends CommonFlags {
  format?: string;
  file?: string;
  write?: boolean;
}

/** Asks the destination, and prints its answer in one of ClickHouse's formats. Writes nothing unless `--write` says so. */
export async function query(given: string | undefined, flags: QueryFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  if (flags.write && flags.tenant !== undefined)
    throw new UsageError('--tenant bounds what is read, not what is written: name the tenant in the statement');
  const sql = await readSql(given, flags);
  const destination = await openDestination(config);
  const standard = process.stdout.isTTY ? 'PrettyCompact' : 'TabSeparatedWithNames';
  try {
    const answer = await destination.client.exec({
      query: sql,
      clickhouse_settings: {
        ...formatSetting(flags.json ? 'JSON' : (flags.format ?? standard)),
        wait_end_of_query: 1,
        ...(await bounds(destination.client, config.clickhouse.database, flags)),
      },
    });
    if (output.json) {
      const body = await text(answer.stream);
      output.result(body.trim() === '' ? {} : JSON.parse(body));
    } else {
      // Records are other people's texts; a file gets them as they are.
      const shown = process.stdout.isTTY ? [printable()] : [];
      await pipeline([answer.stream, ...shown, process.stdout], { end: false });
    }
    return EXIT.done;
  } catch (error) {
    // The statement is the asker's own, so here the server's words may be shown whole.
    if (error instanceof ClickHouseError)
      throw new CommandError(`ClickHouse: ${shorten(error.message)}${cureOf(error)}`);
    if (error instanceof Error && !(error instanceof ExtractError))
      throw new CommandError(`ClickHouse at ${destination.url}: ${error.message}`);
    throw error;
  } finally {
    await destination.close();
  }
}

function printable(): Transform {
  const decoder = new StringDecoder('utf8');
  return new Transform({
    transform: (piece: Buffer, _, done) => done(null, onLines(decoder.write(piece))),
    flush: (done) => done(null, onLines(decoder.end())),
  });
}

/** The statement: the argument, a file, or stdin (`-`, or where it is no terminal). Throws UsageError. */
async function readSql(given: string | undefined, { file }: QueryFlags): Promise<string> {
  if (given !== undefined && file !== undefined)
    throw new UsageError('The SQL is given twice: as an argument and by --file');
  if (given === undefined && file === undefined && process.stdin.isTTY)
    throw new UsageError('No SQL is given: as an argument, by --file, or on stdin');
  const source = file ?? given ?? '-';
  const fromStdin = source === '-';
  const sql = fromStdin ? await text(process.stdin) : file === undefined ? source : readFile(file);
  if (sql.trim() === '') throw new UsageError(`${fromStdin ? 'stdin' : (file ?? 'The argument')} holds no SQL`);
  return sql;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError(`--file ${file} cannot be read (${code})`);
  }
}

/** What keeps the statement to reading, and to one tenant. `readonly` 2 still lets it have SETTINGS of its own. */
async function bounds(
  client: ClickHouseClient,
  database: string,
  { write, tenant }: QueryFlags,
): Promise<ClickHouseSettings> {
  if (write) return {};
  return { readonly: '2', ...(tenant !== undefined && (await tenantFilter(client, database, tenant))) };
}

const READONLY = '164';

function cureOf({ code }: ClickHouseError): string {
  return code === READONLY ? ' (query only reads; --write lets a statement write)' : '';
}

/** A syntax error lists everything that could have stood there, which hides where it went wrong. */
function shorten(message: string): string {
  const trimmed = message.trim();
  const list = trimmed.indexOf('Expected one of:');
  return list < 0 || trimmed.length - list < 200 ? trimmed : `${trimmed.slice(0, list + 200)}…`;
}

/** `default_format` leaves a FORMAT clause in the statement in force. */
function formatSetting(format: string): Record<string, string> {
  return { default_format: format };
}
