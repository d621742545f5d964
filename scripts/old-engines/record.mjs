import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buffer, text } from 'node:stream/consumers';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = ['README.md', 'docs/queries.md', 'docs/tables.md', 'docs/migrating.md'];

/** Copies a small tenant and runs the commands; every statement on ClickHouse goes to `file`. Returns their number. */
export async function record(file) {
  const folder = mkdtempSync(join(tmpdir(), 'old-engines-recording-'));
  const started = [];
  const start = async (args, env, isReady) => {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => isReady(line) && resolve({ child, line }));
      child.once('close', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
    });
  };
  const isJson = (line) => line.startsWith('{');
  const engine = await start(
    [join(root, 'dist/embedded/clickhouse/main.js'), '--path', join(folder, 'clickhouse'), '--port', '0'],
    {},
    isJson,
  );
  const proxy = await startRecorder(JSON.parse(engine.line).url, file);
  const cli = join(root, 'dist/client.js');
  const emulator = await start(
    [cli, 'emulate', '--json', '--port', '0', '--logs', '3000', '--users', '300', '--clients', '30', '--seed', '3'],
    {},
    isJson,
  );
  const { origin } = JSON.parse(emulator.line);
  const { emulatorDefaults } = await import(join(root, 'dist/emulator/options.js'));
  const env = {
    AUTH0_DOMAIN: origin,
    AUTH0_CLIENT_ID: emulatorDefaults.clientId,
    AUTH0_CLIENT_SECRET: emulatorDefaults.clientSecret,
    AUTH0_AUDIENCE: `${origin}/api/v2/`,
    AUTH0_TENANT: 'acme.eu',
    CLICKHOUSE_URL: proxy.url,
    DATA_DIR: join(folder, 'data'),
  };
  const run = async (...args) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [said, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${complaint}${said}`);
  };
  try {
    const ports = ['temporal', 'ui', 'clickhouse'].flatMap((name) => [`--${name}-port`, '0']);
    const up = await start([cli, 'up', ...ports], env, (line) => line.includes('Ctrl-C stops everything'));
    const users = await (
      await fetch(`${origin}/_emulator/users`, {
        method: 'POST',
        body: '{"touch":20,"remove":5}',
        headers: { 'content-type': 'application/json' },
      })
    ).text();
    if (!users.startsWith('{')) throw new Error(`the emulator answered ${users}`);
    await run('sync', '--full');
    for (const line of ['verify', 'status', 'doctor', 'runs', 'gaps', 'state export', 'schedule list'])
      await run(...line.split(' '));
    await run('backfill', 'logs', '--from', '2026-01-01', '--to', new Date().toISOString().slice(0, 10), '--available');
    for (const sql of documented()) await run('query', sql);
    for (const view of [
      'users',
      'users_deleted',
      'logs',
      'clients',
      'pipeline_runs',
      'pipeline_checkpoints',
      'pipeline_gaps',
    ])
      await run('query', `SELECT count() AS held FROM auth0.${view}`);
    await run('query', '--write', 'DROP VIEW auth0.users');
    await run('repair', 'tables');
    await run('reset', 'clients', '--yes');
    await run('sync', '--resources', 'clients');
    await run('query', 'SELECT count() AS held FROM auth0.clients');
    up.child.kill('SIGTERM');
    await once(up.child, 'close');
    return await proxy.close();
  } finally {
    for (const child of started) child.kill('SIGTERM');
    await Promise.all(started.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'close')));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server before ClickHouse that writes down every statement that succeeds, one a line, in the order of their answers. */
async function startRecorder(target, file) {
  const out = createWriteStream(file);
  let statements = 0;
  const forward = async (request, response) => {
    const body = await buffer(request);
    const { host: _host, connection: _connection, 'accept-encoding': _encoding, ...headers } = request.headers;
    delete headers['transfer-encoding'];
    delete headers['content-length'];
    const isPost = request.method === 'POST';
    const answer = await fetch(`${target}${request.url}`, { method: request.method, headers, ...(isPost && { body }) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const fields = Object.fromEntries(new URL(request.url, target).searchParams);
    const isQuestion = isPost || fields.query !== undefined;
    if (answer.ok && isQuestion) {
      statements += 1;
      out.write(`${JSON.stringify({ fields, body: body.toString('base64'), answer: bytes.toString('base64') })}\n`);
    }
    const kept = [...answer.headers].filter(
      ([name]) => !['content-length', 'content-encoding', 'transfer-encoding', 'connection'].includes(name),
    );
    response.writeHead(answer.status, Object.fromEntries(kept));
    response.end(bytes);
  };
  // The client sees a broken connection, and its command says so.
  const server = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      out.end();
      await once(out, 'close');
      return statements;
    },
  };
}

/** The SELECT statements of the documentation. */
function documented() {
  return PAGES.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
      block
        .split(/;\s*$/m)
        .map((sql) => sql.trim())
        .filter((sql) => /^(SELECT|WITH)\b/i.test(sql)),
    ),
  );
}
