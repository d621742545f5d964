import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { choosePort, freePort, portInUse } from '../../../src/embedded/ports.js';

it('tells a used port from a free one', async () => {
  const port = await freePort();
  expect(await portInUse(port)).toBe(false);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await portInUse(port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(await choosePort(port)).toBe(port);
  expect(await choosePort(0)).toBeGreaterThan(0);
});
