import { expect, it } from 'vitest';
import { watchDisk } from '../../../src/embedded/disk.js';
import { saysDiskFull, systemFailure } from '../../../src/system-failure.js';
import { describeFailure } from '../../../src/commands/failure.js';

it('says within seconds that a disk is full, and that there is space again', async () => {
  const said: string[] = [];
  let free = 1_000;
  const watch = watchDisk(
    '/data',
    (line) => said.push(line),
    async () => free,
  );
  await expect
    .poll(() => said)
    .toEqual(['The disk of /data is full: free some space. Nothing is lost; copying goes on by itself.']);
  expect(watch.problem()).toMatch(/is full: free some space, then start again/);
  free = 1e9;
  await expect.poll(() => said[1], { timeout: 10_000 }).toBe('There is space again on the disk of /data.');
  expect(watch.problem()).toBeUndefined();
  watch.stop();
});

it('hears it from the parts, once in a while', () => {
  const said: string[] = [];
  const watch = watchDisk(
    '/data',
    (line) => said.push(line),
    async () => 1e9,
  );
  for (let i = 0; i < 5; i++) watch.heard('write /data/x: No space left on device');
  expect(said).toHaveLength(1);
  expect(watch.problem()).toMatch(/is full/);
  watch.stop();
});

it.each([
  ['Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)', true],
  ['level=error msg="database or disk is full (13)"', true],
  ['copied 300 rows', false],
])('%s', (line, full) => expect(saysDiskFull(line)).toBe(full));

it.each(['ENOSPC', 'EMFILE', 'ENOTDIR', 'EROFS', 'EDQUOT'])('%s is no bug', (code) => {
  const error = Object.assign(new Error(`${code}: x, open '/data/y'`), { code });
  expect(systemFailure(error)).toBeDefined();
  expect(describeFailure(error).message).not.toContain('bug');
});
