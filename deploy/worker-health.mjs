// Health of a worker that serves no HTTP: exit 0 while this container holds an established TCP connection to
// Temporal's port, else 1.
//
// A worker keeps that connection for its polls, so without it no task can reach the worker. That is more than "a
// process exists" (the container's own state says that) and costs no request: nothing is asked of Temporal,
// ClickHouse or the tenant. It does not see a worker that is connected and stuck.
//
// Meant for a container with a network namespace of its own; in a shared one another process's connection counts.
import { readFile } from 'node:fs/promises';

/** As the kernel writes it in /proc/net/tcp. */
const ESTABLISHED = '01';

const address = process.env.TEMPORAL_ADDRESS || 'localhost:7233';
const port = Number(/:(\d+)$/.exec(address)?.[1] ?? 7233);

async function connections(table) {
  // tcp6 is missing where IPv6 is off.
  const text = await readFile(table, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

const rows = [...(await connections('/proc/net/tcp')), ...(await connections('/proc/net/tcp6'))];
const connected = rows.some(
  // Columns: slot, local address, remote address, state. Addresses are HEX:HEXPORT.
  ([, , remote, state]) => state === ESTABLISHED && Number.parseInt(remote?.split(':')[1] ?? '', 16) === port,
);

if (!connected) {
  console.error(`no established connection to Temporal (${address})`);
  process.exitCode = 1;
}
