import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startClickHouseServer } from './server.js';

// How long a running statement may go on after a stop was asked for.
const GRACE_MS = 20_000;

/** The process: `main.js --path DIR --port N [--max-memory BYTES] [--config-file FILE] [--password-file FILE]`. One JSON line on stdout when ready. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      path: { type: 'string' },
      port: { type: 'string' },
      'max-memory': { type: 'string' },
      'config-file': { type: 'string' },
      'password-file': { type: 'string' },
    },
  });
  const port = Number(values.port ?? NaN);
  if (values.path === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(
      'usage: main.js --path DIR --port N (0 takes a free port) [--max-memory BYTES] [--config-file FILE] [--password-file FILE]',
    );
  }
  const memory = values['max-memory'] === undefined ? undefined : Number(values['max-memory']);
  const server = await startClickHouseServer({
    path: values.path,
    port,
    ...(memory === undefined ? {} : { maxMemoryBytes: memory }),
    ...(values['config-file'] === undefined ? {} : { configFile: values['config-file'] }),
    ...(values['password-file'] === undefined ? {} : { password: readPassword(values['password-file']) }),
  });
  let stops = 0;
  const stop = async (): Promise<void> => {
    stops += 1;
    if (stops > 1) return;
    const clean = await server.stop(GRACE_MS);
    if (!clean) process.stderr.write('a statement was still running and was ended; what was acknowledged is kept\n');
    // A native thread inside a statement would hold an ordinary exit back. The directory survives being killed.
    if (!clean) process.kill(process.pid, 'SIGKILL');
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: server.url, version: server.version })}\n`);
}

function readPassword(file: string): string {
  const password = readFileSync(file, 'utf8').trim();
  if (password === '') throw new Error(`${file} holds no password: write one into it, or remove it to get a new one`);
  return password;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
