import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config.js';
import { loadConfig, readEnvironment } from '../../../src/config/load.js';

let folder = '';
const here = process.cwd();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env-'));
});
afterEach(() => {
  process.chdir(here);
  rmSync(folder, { recursive: true, force: true });
});

function envFile(text: string): string {
  const file = join(folder, '.env');
  writeFileSync(file, text);
  return file;
}

it('reads .env: comments, quotes, CRLF', () => {
  const file = envFile('# A=0\r\nA=1\r\nB="two # words"\r\n\r\nexport C=\'3\'\r\nD= 4 # four\n');
  expect(readEnvironment({}, file)).toEqual({ A: '1', B: 'two # words', C: '3', D: '4' });
});

it('lets the environment win over the file, but not by an empty or missing value', () => {
  const file = envFile('A=file\nB=file\nC=file\nD=file\n');
  expect(readEnvironment({ A: 'env', B: '', C: '  ', D: undefined, E: 'env' }, file)).toEqual({
    A: 'env',
    B: 'file',
    C: 'file',
    D: 'file',
    E: 'env',
  });
});

it('needs no file', () => {
  expect(readEnvironment({ A: '1' }, join(folder, '.env'))).toEqual({ A: '1' });
  expect(readEnvironment({ A: '1' }, join(envFile('B=2'), '.env'))).toEqual({ A: '1' });
});

it('says so where the file cannot be read', () => {
  expect(() => readEnvironment({}, folder)).toThrow(ConfigError);
});

it('lets flags win over both', () => {
  envFile('PAGES_PER_ACTIVITY=3\nSCHEDULE_LOGS=4\nEMULATOR_SEED=5\n');
  process.chdir(folder);
  const { extract, schedules, stack } = loadConfig({ PAGES_PER_ACTIVITY: '7', SCHEDULE_LOGS: undefined });
  expect([extract.pagesPerActivity, schedules.logs, stack.emulator.seed]).toEqual([7, 4_000, 5]);
  expect(() => loadConfig({ PAGES_PER_ACTIVITY: 'many' })).toThrow(/PAGES_PER_ACTIVITY/);
});
