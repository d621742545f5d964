import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { engineError, EngineError, parseEngineError } from './errors.js';
import { infileStatement, withoutFile } from './infile.js';
import { inspect, type Inspected } from './inspect.js';
import { createLane } from './lane.js';
import { bytesOf, EngineUnavailableError, isDone, loadNative, numberOf } from './native.js';
import { writeRights } from './rights.js';
import { openSpool, type Spool } from './spool.js';
import { quoteLiteral } from './sql.js';
import { preamble, type InsertStatement, type Statement } from './statement.js';

/** Where the data lies and what one statement may take. */
export interface EngineOptions {
  path: string;
  /** Memory of one statement, its result included. Bytes. Default: a quarter of the machine's, at most 2 GiB. */
  maxMemoryBytes?: number;
  /** Size up to which a result that cannot be streamed is answered. Bytes, default 256 MiB. */
  maxResultBytes?: number;
  /** Configuration file for the engine instead of its own (rights.ts), which keeps it to the data directory. */
  configFile?: string;
}

/** What a statement gave back. */
export interface Outcome {
  bytes: Buffer;
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
  /** Seconds inside the engine. */
  elapsed: number;
}

/**
 * An open data directory. Statements that change something run one at a time in the order they came; up to two
 * reads run beside them. Every method rejects with an EngineError when ClickHouse refuses the statement.
 */
export interface Engine {
  readonly version: string;
  readonly timezone: string;
  /** Lets the engine parse a statement; run only what comes back. Rejects for what must not run. */
  inspect(statement: Statement): Promise<Inspected>;
  /** Runs a read and holds its whole result in memory. */
  read(statement: Statement): Promise<Outcome>;
  /** Runs a SELECT piece by piece; `onChunk` says false to end it early. */
  stream(statement: Statement, onChunk: (chunk: Buffer) => Promise<boolean>): Promise<void>;
  /** Runs an INSERT, with rows or from a SELECT. */
  insert(statement: Statement): Promise<Outcome>;
  /** Runs any other statement. */
  command(statement: Statement): Promise<Outcome>;
  /** Waits for what runs, then gives the directory back. Call it once, after the last statement. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;

// Caches that a server sizes for itself (the index mark cache alone may take 5 GiB), cut down for a process beside others.
const SERVER_ARGS = [
  `--mark_cache_size=${64 * MIB}`,
  `--index_mark_cache_size=${32 * MIB}`,
  `--index_uncompressed_cache_size=0`,
  `--mmap_cache_size=0`,
];

/** So many results may be on their way at once; each holds a connection and the memory of its statement. */
const MAX_STREAMS = 32;

/**
 * Opens a ClickHouse data directory with the engine of `chdb`. Blocks the event loop for 50 to 150 ms.
 * @throws EngineUnavailableError when chdb is missing, or the directory cannot be written or is in use.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const path = resolve(options.path);
  const native = loadNative();
  prepareDirectory(path);
  let root: object;
  try {
    const config = options.configFile ?? writeRights(path);
    root = native.CreateConnection(path, [...SERVER_ARGS, `--config-file=${config}`]);
  } catch (cause) {
    throw new EngineUnavailableError(openFailure(path, cause), { cause });
  }
  let spool: Spool;
  try {
    spool = openSpool(path);
  } catch (cause) {
    native.CloseConnection(root);
    throw new EngineUnavailableError(unwritable(path, cause), { cause });
  }
  const memory = options.maxMemoryBytes ?? Math.min(2048 * MIB, Math.floor(totalmem() / 4));
  const common = new Map([
    ['max_memory_usage', String(memory)],
    ['max_threads', '2'],
  ]);
  const buffered = new Map([...common, ['max_result_bytes', String(options.maxResultBytes ?? 256 * MIB)]]);
  const writes = createLane(1);
  const reads = createLane(2);
  // A statement is parsed within a millisecond, whatever the others do.
  const parses = createLane(1);
  let streams = 0;
  // Rows are put into their files beside a running statement; the lane only knows whether one is left.
  const inserts = createLane(Infinity);

  // A connection of its own for every statement costs 0.2 ms and keeps apart what a shared one mixes: settings (after
  // a tokened insert, one without a token inherited it and was dropped as a duplicate), the current database, and the
  // output of a failed SELECT, which comes out in front of the next result.
  const withConnection = async <T>(task: (connection: object) => Promise<T>): Promise<T> => {
    const connection = native.CreateConnection(path, []);
    try {
      return await task(connection);
    } catch (error) {
      throw parseEngineError(error);
    } finally {
      native.CloseConnection(connection);
    }
  };

  const query = async (statement: Statement): Promise<Outcome> =>
    withConnection(async (connection) => {
      const text = preamble(statement, buffered) + statement.sql;
      return outcomeOf(await native.QueryAsyncConnection(connection, text, statement.format));
    }).catch((error: unknown) => rethrow(error, statement));

  // Only this entry tells how many rows were written. It is not given rows: see infileStatement.
  const insertSelect = async (statement: Statement): Promise<Outcome> =>
    withConnection(async (connection) => {
      const head = preamble(statement, common);
      return outcomeOf(await native.InsertRawAsyncConnection(connection, head, Buffer.from(statement.sql), false));
    }).catch((error: unknown) => rethrow(error, statement));

  const insertRows = async (statement: InsertStatement): Promise<Outcome> =>
    spool.with(statement.rows.pieces, async (file) => {
      try {
        const outcome = await writes.run(() => query(infileStatement(statement, file)));
        // What was read from the file is what was written; a server reports both.
        return { ...outcome, writtenRows: outcome.readRows, writtenBytes: outcome.readBytes };
      } catch (error) {
        throw withoutFile(error, file);
      }
    });

  const stream = async (statement: Statement, onChunk: (chunk: Buffer) => Promise<boolean>): Promise<void> =>
    withConnection(async (connection) => {
      // "Multi-statements are not allowed" in a streamed query: the settings go ahead of it.
      await native.QueryAsyncConnection(connection, preamble(statement, common), statement.format);
      const handle = native.StreamQuery(connection, statement.sql, statement.format);
      try {
        for (;;) {
          // Only while a piece is made: a reader who takes nothing must not hold up the others.
          const piece = await reads.run(() => native.StreamFetch(handle));
          if (isDone(piece) || !(await onChunk(bytesOf(piece)))) return;
        }
      } finally {
        native.StreamCancel(handle);
      }
    }).catch((error: unknown) => rethrow(error, statement));

  const format = async (text: string): Promise<string> =>
    parses.run(async () =>
      withConnection(async (connection) => {
        // Twice its length for the quotes, and the call around it.
        const head = `SET implicit_select = 0, max_query_size = ${Math.max(262_144, 4 * text.length + 1024)}; `;
        const sql = `${head}SELECT formatQuerySingleLine(${quoteLiteral(text)})`;
        try {
          return bytesOf(await native.QueryAsyncConnection(connection, sql, 'TSVRaw')).toString();
        } catch (error) {
          throw withoutFormatCall(parseEngineError(error));
        }
      }),
    );

  const openStream = async (statement: Statement, onChunk: (chunk: Buffer) => Promise<boolean>): Promise<void> => {
    if (streams >= MAX_STREAMS) {
      throw engineError(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', `${MAX_STREAMS} results are being read already.`);
    }
    streams += 1;
    try {
      await stream(statement, onChunk);
    } finally {
      streams -= 1;
      if (streams === 0) for (const resolve of lastStreamEnded.splice(0)) resolve();
    }
  };
  const lastStreamEnded: (() => void)[] = [];
  const streamsIdle = async (): Promise<void> => {
    if (streams > 0) await new Promise<void>((resolve) => lastStreamEnded.push(resolve));
  };

  const about = await query({
    sql: 'SELECT version(), timezone()',
    rows: undefined,
    database: undefined,
    settings: new Map(),
    params: new Map(),
    format: 'TSV',
    readonly: true,
  });
  const [version = '', timezone = 'UTC'] = about.bytes.toString().trimEnd().split('\t');

  return {
    version,
    timezone,
    read: async (statement) => reads.run(() => query(statement)),
    inspect: async (statement) => inspect(statement, format),
    stream: openStream,
    insert: async ({ rows, ...statement }) =>
      rows === undefined
        ? writes.run(() => insertSelect({ ...statement, rows }))
        : inserts.run(() => insertRows({ ...statement, rows })),
    command: async (statement) => writes.run(() => query(statement)),
    async close() {
      await Promise.all([inserts.idle(), writes.idle(), reads.idle(), streamsIdle()]);
      native.CloseConnection(root);
    },
  };
}

/** The error of the statement itself, where it was given to formatQuery. */
function withoutFormatCall(error: EngineError): EngineError {
  return new EngineError(
    error.code,
    error.message.replace(/: In scope SELECT formatQuery[\s\S]*(?= \([A-Z_]+\)$)/, ''),
  );
}

/**
 * chdb looks for a table that is not in the database `default` as a file of that name, for which there is no right. What
 * people have to know is that there is no such table.
 */
function rethrow(error: unknown, { sql }: Statement): never {
  const isFile = error instanceof EngineError && error.code === 497 && error.message.includes('READ ON FILE');
  if (!isFile || /\b(url|filesystem|\w+Local)\s*\(/i.test(sql)) throw error;
  throw engineError(
    60,
    'UNKNOWN_TABLE',
    'Unknown table expression: there is no such table in the database, and files are not opened.',
  );
}

function outcomeOf(result: unknown): Outcome {
  return {
    bytes: bytesOf(result),
    readRows: numberOf(result, 'rowsRead'),
    readBytes: numberOf(result, 'bytesRead'),
    writtenRows: numberOf(result, 'rowsWritten'),
    writtenBytes: numberOf(result, 'bytesWritten'),
    elapsed: numberOf(result, 'elapsed'),
  };
}

function prepareDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new EngineUnavailableError(unwritable(path, cause), { cause });
  }
}

function unwritable(path: string, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `the ClickHouse data directory ${path} cannot be written: ${reason}`;
}

/**
 * The native error says only "Failed to create connection for path"; the reason ("Cannot lock file .../status.
 * Another server instance in same directory is already running") goes to stderr. That file names the holder.
 */
function openFailure(path: string, cause: unknown): string {
  const holder = holderOf(path);
  if (holder !== undefined) {
    return `the ClickHouse data directory ${path} is in use by process ${holder}; stop that one or choose another directory`;
  }
  return `the ClickHouse data directory ${path} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)$/m.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1]);
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
