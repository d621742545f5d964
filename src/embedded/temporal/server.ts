import { setTimeout as sleep } from 'node:timers/promises';
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { spawnChild, type Child, type ChildExit } from '../child-process.js';
import { clientChannel } from '../../temporal/connection-options.js';
import { choosePort, refuseUsedPort } from '../ports.js';

/** What to start, and where. */
export interface TemporalServerOptions {
  /** The Temporal CLI, see resolveTemporalCli. */
  binary: string;
  /** gRPC port on 127.0.0.1; 0 takes a free one. */
  port: number;
  /** Web UI port on 127.0.0.1; 0 takes a free one. */
  uiPort: number;
  /** SQLite file that keeps workflows and schedules across restarts; undefined keeps them in memory. */
  dbFile?: string;
  /** Namespace to make when it is not there. */
  namespace: string;
  /** File that gets the server's output. */
  logFile?: string;
  /** Told of every line that the server writes. */
  log?: (line: string) => void;
  /** How the two ports are named where they are set, for messages. */
  portNames?: { port: string; uiPort: string };
}

/** A running Temporal dev server. */
export interface TemporalServer {
  /** host:port for clients and workers. */
  readonly address: string;
  readonly uiUrl: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  /** SIGTERM (it takes 1.3 to 3 s to end), after `graceMs` SIGKILL. */
  stop(graceMs: number): Promise<ChildExit>;
}

const READY_MS = 30_000;

/**
 * Starts `temporal server start-dev` and waits until its namespace and search attributes can be used.
 * @throws Error when a port is in use, or with the server's last lines when it ends or is not ready after 30 s.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const names = options.portNames ?? { port: '--temporal-port', uiPort: '--ui-port' };
  await refuseUsedPort(options.port, 'the Temporal server', `${names.port} N`);
  await refuseUsedPort(options.uiPort, 'the Temporal web UI', `${names.uiPort} N`);
  if (options.dbFile !== undefined) mkdirSync(dirname(options.dbFile), { recursive: true });
  try {
    return await startOnce(options);
  } catch (error) {
    // A port that was free a moment ago can be taken meanwhile, even by the server's own inner services.
    const taken = error instanceof Error && /address already in use/.test(error.message);
    if (!taken || (options.port !== 0 && options.uiPort !== 0)) throw error;
    return startOnce(options);
  }
}

async function startOnce(options: TemporalServerOptions): Promise<TemporalServer> {
  const port = await choosePort(options.port);
  const uiPort = await choosePort(options.uiPort);
  const child = await spawnChild({
    name: 'Temporal',
    command: options.binary,
    args: serverArgs(options, port, uiPort),
    // SQLite takes what stands before the file's name for a part of a URL, where ? and # and % mean something.
    ...(options.dbFile === undefined ? {} : { cwd: dirname(options.dbFile) }),
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
    ...(options.log === undefined ? {} : { onLine: options.log }),
  });
  const address = `127.0.0.1:${port}`;
  try {
    await untilUsable(address, options.namespace, child);
  } catch (error) {
    await child.stop(0);
    throw error;
  }
  return {
    address,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    pid: child.pid,
    exited: child.exited,
    stop: async (graceMs) => child.stop(graceMs),
  };
}

function serverArgs(options: TemporalServerOptions, port: number, uiPort: number): string[] {
  const flags: [flag: string, value: string][] = [
    ['--ip', '127.0.0.1'],
    ['--port', String(port)],
    ['--ui-port', String(uiPort)],
    ['--namespace', options.namespace],
    ['--log-level', 'warn'],
    // The default of 20 polls a second and shard holds one workflow to 10 activities a second.
    ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    ['--dynamic-config-value', 'history.timerProcessorMaxPollRPS=1000'],
    ...SEARCH_ATTRIBUTES.map((name): [string, string] => ['--search-attribute', `${name}=Keyword`]),
  ];
  if (options.dbFile !== undefined) flags.push(['--db-filename', basename(options.dbFile)]);
  return ['server', 'start-dev', '--ui-disable-news-fetch', ...flags.flat()];
}

async function untilUsable(address: string, namespace: string, child: Child): Promise<void> {
  const deadline = Date.now() + READY_MS;
  const ended = new AbortController();
  void child.exited.then(() => ended.abort());
  let last = 'it does not answer';
  // Loaded here because the package takes a third of a second, while the server is starting anyway.
  const { Connection } = await import('@temporalio/client');
  while (Date.now() < deadline && !ended.signal.aborted) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1_000, ...clientChannel(address) });
      try {
        await connection.workflowService.describeNamespace({ namespace });
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
        if (SEARCH_ATTRIBUTES.every((name) => name in (customAttributes ?? {}))) return;
        last = 'its search attributes are not registered';
      } finally {
        await connection.close();
      }
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(50, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  const what = ended.signal.aborted ? 'ended while starting' : `is not ready after ${READY_MS / 1000} s: ${last}`;
  throw new Error([`Temporal ${what}`, ...child.lastLines().map((line) => `  ${line}`)].join('\n'));
}
