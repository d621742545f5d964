import { afterEach, expect, inject, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { connectTemporal } from '../../src/temporal/connect.js';

afterEach(() => vi.unstubAllEnvs());

it.each(['https_proxy', 'grpc_proxy', 'http_proxy'])(
  'a server on this machine is not asked through %s',
  async (name) => {
    vi.stubEnv(name, 'http://127.0.0.1:1');
    const { temporal } = parseConfig({});
    const handle = await connectTemporal({ ...temporal, address: inject('temporalAddress') });
    expect(await handle.client.workflowService.getSystemInfo({})).toHaveProperty('serverVersion');
    await handle.close();
  },
);
