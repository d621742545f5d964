// Health of a worker: exit 0 while its /readyz says that it polls and that Temporal and ClickHouse answer it, else 1.
//
// With METRICS_PORT=off (or 0, which nobody else knows) there is no /readyz. Then this container's established TCP
// connection to Temporal's port is looked at: more than "a process exists", but it does not see a worker that is
// connected and stuck. Meant for a container with a network namespace of its own; in a shared one another process's
// connection counts.
import { readFile } from 'node:fs/promises';

/** As the kernel writes it in /proc/net/tcp. */
const ESTABLISHED = '01';

const metricsPort = process.env.METRICS_PORT || '9464';
const problem = metricsPort === 'off' || metricsPort === '0' ? await connectionProblem() : await readyProblem();
if (problem !== undefined) {
  console.error(problem);
  process.exitCode = 1;
}

async function readyProblem() {
  const host = process.env.METRICS_HOST || '127.0.0.1';
  const url = `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${metricsPort}/readyz`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(4500) });
    return answer.ok ? undefined : `${url} answers HTTP ${answer.status}: ${(await answer.text()).trim()}`;
  } catch {
    return `${url} does not answer`;
  }
}

async function connectionProblem() {
  const address = process.env.TEMPORAL_ADDRESS || 'localhost:7233';
  const port = Number(/:(\d+)$/.exec(address)?.[1] ?? 7233);
  const rows = [...(await connections('/proc/net/tcp')), ...(await connections('/proc/net/tcp6'))];
  const connected = rows.some(
    // Columns: slot, local address, remote address, state. Addresses are HEX:HEXPORT.
    ([, , remote, state]) => state === ESTABLISHED && Number.parseInt(remote?.split(':')[1] ?? '', 16) === port,
  );
  return connected ? undefined : `no established connection to Temporal (${address})`;
}

async function connections(table) {
  // tcp6 is missing where IPv6 is off.
  const text = await readFile(table, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}
