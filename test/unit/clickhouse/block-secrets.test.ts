import { expect, it } from 'vitest';
import { createBlock } from '../../../src/clickhouse/block.js';
import type { ResourceName } from '../../../src/contracts/names.js';
import { parseRecord } from '../../../src/json/page.js';
import { resources } from '../../../src/resources/index.js';

const NEEDLE = 'n33dle-Zq81xKfW0pLm';

it.each<[ResourceName, object]>([
  ['clients', { client_id: 'a', client_metadata: { client_secret: NEEDLE } }],
  ['clients', { client_id: 'a', callbacks: [`https://a.example/?api_key=${NEEDLE}`], name: `Bearer ${NEEDLE}` }],
  ['users', { user_id: 'a', user_metadata: { deep: { password: NEEDLE } }, app_metadata: `{"token":"${NEEDLE}"}` }],
  ['users', { user_id: 'a', picture: `https://u:${NEEDLE}@a.example/`, nickname: { smtp_pass: NEEDLE } }],
  ['logs', { log_id: 'a', description: `client_secret=${NEEDLE}`, scope: [`api_key=${NEEDLE}`] }],
  ['logs', { log_id: 'a', user_agent: `Bearer ${NEEDLE}`, hostname: { authorization: NEEDLE } }],
])('no column of %s holds what was cut out of raw: %j', (name, record) => {
  const block = createBlock(resources[name]);
  const load = { tenant: 't', runId: 'r', tombstones: new Map<string, number>(), fetchedAt: 1 };
  block.add([parseRecord(JSON.stringify(record))], load);
  const bytes = Buffer.concat(block.body(load).pieces);
  expect(block.redacted).toBeGreaterThan(0);
  expect(bytes.includes(NEEDLE)).toBe(false);
});
