import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from '../../support/in-process.js';
import { type LoopbackServer, startServer } from '../auth0/loopback-server.js';

const COMMANDS = [
  'status',
  'doctor',
  'verify',
  'query "SELECT 1"',
  'query --write "SELECT 1"',
  'up',
  'up --once',
  'sync',
  'sync --detach',
  'reload users',
  'backfill logs --from 2026-01-01 --to 2026-01-02',
  'schedule apply',
  'schedule apply --dry-run',
  'schedule list',
  'runs',
  'runs show 0',
  'gaps',
  'gaps ack 0',
  'reset logs --yes',
  'repair tables',
  'state export',
  'state import 90020260101000000000000000000000000000000000000000000000000001',
];

/** Commands that go on behind a part that is wrong, and tell of each. */
const ASK_ALL = new Set(['status', 'doctor']);

/** What servers answer a question for their version with; all else they refuse as they would, without our database. */
const SERVERS = {
  '18.16.1': "Code: 81, e.displayText() = DB::Exception: Database auth0 doesn't exist, e.what() = DB::Exception",
  '22.8.21.38': "Code: 81. DB::Exception: Database auth0 doesn't exist. (UNKNOWN_DATABASE) (version 22.8.21.38)",
};

describe.each(Object.entries(SERVERS))('ClickHouse %s', (version, refusal) => {
  let server: LoopbackServer;
  const dataDir = mkdtempSync(join(tmpdir(), 'old-clickhouse-'));
  beforeAll(async () => {
    server = await startServer(({ url, body }, response) => {
      const { searchParams } = new URL(url, 'http://server');
      const isVersion = `${searchParams.get('query') ?? ''}${body}`.includes('version()');
      if (isVersion && !searchParams.has('database')) return void response.end(`${JSON.stringify({ version })}\n`);
      response.statusCode = version.startsWith('18') ? 500 : 404;
      response.end(refusal);
    });
  });
  afterAll(async () => {
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it.each(COMMANDS)('is refused by name: %s', async (line) => {
    const args = [...line.matchAll(/"([^"]+)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
    const { code, stdout, stderr } = await runHere([...args, '--data-dir', dataDir], {
      AUTH0_DOMAIN: 'http://127.0.0.1:1',
      AUTH0_CLIENT_ID: 'client',
      AUTH0_CLIENT_SECRET: 'secret',
      AUTH0_TENANT: 'acme',
      CLICKHOUSE_URL: server.origin,
      // These two wait for a Temporal that is away; what they say of ClickHouse is the same without one.
      ...(!ASK_ALL.has(line) && { TEMPORAL_ADDRESS: '127.0.0.1:1' }),
    });
    expect(stdout + stderr).toContain(`ClickHouse ${version} is too old: 23.10 or later is needed`);
    expect(code).toBe(1);
    for (const { url, body } of server.received)
      expect(`${decodeURIComponent(url)}${body}`).not.toMatch(/CREATE|INSERT|ALTER|DROP/i);
  });
});
