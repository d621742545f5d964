import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSpool } from '../../../src/embedded/clickhouse/spool.js';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'spool-'));
});
afterEach(async () => rm(path, { recursive: true, force: true }));

const files = async (): Promise<string[]> => readdir(join(path, 'incoming'));
const pieces = ['one\n\n', '', 'two'].map((text) => Buffer.from(text));

it('holds the rows in one file while the task runs, whatever comes of it', async () => {
  const spool = openSpool(path);
  const seen = await spool.with(pieces, async (file) => {
    const modes = [(await stat(join(path, 'incoming'))).mode, (await stat(file)).mode];
    return {
      text: await readFile(file, 'utf8'),
      modes: modes.map((mode) => mode & 0o777),
      count: (await files()).length,
    };
  });
  expect(seen).toEqual({ text: 'one\n\ntwo', modes: [0o700, 0o600], count: 1 });
  expect(await files()).toEqual([]);
  const failing = spool.with(pieces, () => Promise.reject(new Error('refused')));
  await expect(failing).rejects.toThrow('refused');
  expect(await files()).toEqual([]);
});

it('removes what a killed process left behind', async () => {
  await mkdir(join(path, 'incoming', 'deep'), { recursive: true });
  await writeFile(join(path, 'incoming', 'left'), 'rows');
  openSpool(path);
  expect(await files()).toEqual([]);
});

it('says that rows cannot be written, not where', async () => {
  const spool = openSpool(path);
  await rm(join(path, 'incoming'), { recursive: true });
  const failing = spool.with(pieces, () => Promise.resolve('never'));
  await expect(failing).rejects.toMatchObject({
    code: 1001,
    message:
      'Code: 1001. DB::Exception: The rows of the insert could not be written into the data directory (ENOENT). (STD_EXCEPTION)',
  });
});
