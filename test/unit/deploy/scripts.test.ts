import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const deploy = (path: string) => fileURLToPath(new URL(`../../../deploy/${path}`, import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deploy-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a program of that name first on PATH: it writes down its arguments, then does what the body says. */
function standIn(name: string, body = ''): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

function calls(): string[] {
  return readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
}

async function run(command: string, args: string[], env: Record<string, string>) {
  const child = spawn(command, args, {
    env: { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

describe('setup-schema.sh', () => {
  const env = { POSTGRES_SEEDS: 'db', POSTGRES_USER: 'temporal', SQL_PASSWORD: 'hidden-word' };

  it('creates both databases and brings them up to date', async () => {
    standIn('temporal-sql-tool');
    expect(await run('/bin/sh', [deploy('temporal/setup-schema.sh')], env)).toMatchObject({ code: 0 });
    const seen = calls().map((call) => /--database (\S+) (\S+)/.exec(call)?.slice(1).join(' '));
    expect(seen).toEqual([
      'temporal create-database',
      'temporal setup-schema',
      'temporal update-schema',
      'temporal_visibility create-database',
      'temporal_visibility setup-schema',
      'temporal_visibility update-schema',
    ]);
    expect(calls().at(-1)).toMatch(/ --schema-dir \/etc\/temporal\/schema\/postgresql\/v12\/visibility\/versioned$/);
  });

  it('keeps the password off the command line', async () => {
    standIn('temporal-sql-tool');
    const { output } = await run('/bin/sh', [deploy('temporal/setup-schema.sh')], env);
    expect(calls().join('\n') + output).not.toContain('hidden');
  });

  it('stops at the first step that fails', async () => {
    standIn('temporal-sql-tool', 'case "$*" in *setup-schema*) exit 1;; esac');
    expect(await run('/bin/sh', [deploy('temporal/setup-schema.sh')], env)).toMatchObject({ code: 1 });
    expect(calls()).toHaveLength(2);
  });

  it.each(['a"b', "a'b", 'a\\b', 'a b', 'a\tb', 'a#b', 'a: b', ' word', 'word\n', 'a\u0001b', 'a\u007fb'])(
    'refuses a password that the server cannot take: %s',
    async (word) => {
      const { code, output } = await run('/bin/sh', [deploy('temporal/setup-schema.sh')], {
        ...env,
        SQL_PASSWORD: word,
      });
      expect(code).not.toBe(0);
      expect(output).toContain('TEMPORAL_DB_PASSWORD must not hold quotes, backslashes, blanks');
      expect(output).not.toContain(word);
    },
  );

  it('takes every other password, which comes through the configuration of the server as it is', async () => {
    standIn('temporal-sql-tool');
    const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(index + 33));
    const taken = printable.filter((sign) => !`"'\\\\#`.includes(sign)).join('');
    const words = '*&!%@{$:|>?-[,`~'.split('').map((sign) => `${sign}word${sign}`);
    for (const word of [...words, '{{ env }}'.replaceAll(' ', ''), '${HOME}', '%41', 'p\u00e4sswort', taken]) {
      const script = run('/bin/sh', [deploy('temporal/setup-schema.sh')], { ...env, SQL_PASSWORD: word });
      expect(await script).toMatchObject({ code: 0 });
      // The line of the server's own template (config_template_embedded.yaml), and its address of the database.
      expect(parse(`password: "${word}"`)).toEqual({ password: word });
      const { password } = new URL(`postgres://temporal:${encodeURIComponent(word)}@postgres:5432/temporal`);
      expect(decodeURIComponent(password)).toBe(word);
    }
  });

  it('refuses to start without its settings', async () => {
    standIn('temporal-sql-tool');
    const { code, output } = await run('/bin/sh', [deploy('temporal/setup-schema.sh')], { ...env, SQL_PASSWORD: '' });
    expect(code).not.toBe(0);
    expect(output).toContain('SQL_PASSWORD');
  });
});

describe('create-namespace.sh', () => {
  const env = { TEMPORAL_ADDRESS: 'temporal:7233', TEMPORAL_NAMESPACE: 'auth0', NAMESPACE_RETENTION: '168h' };
  const script = () => run('/bin/sh', [deploy('temporal/create-namespace.sh')], env);

  it('leaves an existing namespace alone', async () => {
    standIn('temporal');
    expect(await script()).toMatchObject({ code: 0, output: 'namespace auth0 exists\n' });
    expect(calls().some((call) => call.includes('create'))).toBe(false);
  });

  it('creates a missing one', async () => {
    standIn('temporal', 'case "$*" in *describe*) exit 1;; esac');
    expect(await script()).toMatchObject({ code: 0, output: 'namespace auth0 created\n' });
    expect(calls().at(-1)).toContain('namespace create --address temporal:7233 --namespace auth0 --retention 168h');
  });

  it('says so when it cannot', async () => {
    standIn('temporal', 'case "$*" in *describe*|*create*) echo refused >&2; exit 1;; esac');
    expect(await script()).toMatchObject({ code: 1, output: 'refused\n' });
  });

  it('waits for the cluster, but not for ever', async () => {
    standIn('sleep');
    standIn('temporal', 'exit 1');
    const { code, output } = await script();
    expect(code).toBe(1);
    expect(output).toContain('temporal:7233 is not healthy after 30 tries');
    expect(calls().filter((call) => call.startsWith('sleep'))).toHaveLength(29);
  });
});

function health(port: number, env: Record<string, string> = { METRICS_PORT: 'off' }) {
  return run(process.execPath, [deploy('worker-health.mjs')], { TEMPORAL_ADDRESS: `localhost:${port}`, ...env });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen on TCP');
  return address.port;
}

describe('worker-health.mjs with metrics', () => {
  it('follows /readyz, and repeats what is not ready', async () => {
    let ready = true;
    const server = createHttpServer((request, response) => {
      response.writeHead(request.url === '/readyz' && ready ? 200 : 503).end('{"clickhouse":"away"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const env = { METRICS_PORT: String(portOf(server)) };
    expect(await health(1, env)).toEqual({ code: 0, output: '' });
    ready = false;
    expect(await health(1, env)).toMatchObject({ code: 1, output: expect.stringContaining('"clickhouse":"away"') });
    server.close();
    await once(server, 'close');
    expect(await health(1, env)).toMatchObject({ code: 1, output: expect.stringContaining('does not answer') });
  });
});

// The kernel's table of connections is Linux's; so is every container.
describe.runIf(process.platform === 'linux')('worker-health.mjs', () => {
  it('follows the connection to Temporal', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = portOf(server);

    // Listening is not enough: nobody has connected.
    expect(await health(port)).toMatchObject({ code: 1, output: expect.stringContaining(`localhost:${port}`) });

    const accepted = once(server, 'connection');
    const client = connect(port, '127.0.0.1');
    await Promise.all([once(client, 'connect'), accepted]);
    expect(await health(port)).toEqual({ code: 0, output: '' });

    client.destroy();
    server.close();
    await once(server, 'close');
    expect(await health(port)).toMatchObject({ code: 1 });
  });
});
