import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter } from '@temporalio/common';
import { type History, historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { courseOf } from '../workflows/lab.js';

const folder = fileURLToPath(new URL('histories/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

const textOf = (file: string): string => readFileSync(`${folder}${file}`, 'utf8');
const historyOf = (file: string): History => historyFromJSON(JSON.parse(textOf(file)));
const newest = (name: string): History =>
  historyOf(files.findLast((file) => /^[\d.]+-(.*)\.json$/.exec(file)?.[1] === name) ?? name);
const replay = (history: History): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle: { codePath: inject('workflowBundle') } }, history);

it.each(files)('%s', async (file) => {
  await replay(historyOf(file));
});

it('knows every way in which a run can go', () => {
  const names = files.map((file) => file.replace(/^\d+\.\d+\.\d+-/, '').replace('.json', ''));
  expect(new Set(names)).toEqual(
    new Set([
      'backfill',
      'backfill-redirected',
      'clients',
      'logs',
      'logs-cancelled',
      'logs-continuation',
      'logs-continued',
      'logs-failed',
      'logs-joined',
      'logs-not-closed',
      'logs-paused',
      'logs-paused-cancelled',
      'logs-redirected',
      'tenant',
      'tenant-cancelled',
      'tenant-failed',
      'tenant-paused',
      'users-export',
      'users-pages',
    ]),
  );
  const ends = ['logs', 'logs-cancelled', 'logs-continued', 'logs-failed', 'tenant-failed'].map((name) =>
    courseOf(newest(name).events ?? []).at(-1),
  );
  expect(ends).toEqual(['run completed', 'run canceled', 'run continued as new', 'run failed', 'run failed']);
});

it('notices when a workflow does something else than what was recorded', async () => {
  const otherActivity = newest('logs');
  for (const event of otherActivity.events ?? []) {
    const type = event.activityTaskScheduledEventAttributes?.activityType;
    if (type?.name === 'closeRun') type.name = 'finishRun';
  }
  await expect(replay(otherActivity)).rejects.toThrow(/closeRun/);

  // The same run, had it been asked for after fewer activities: the code asks for more than was recorded.
  const longer = newest('logs-continued');
  await expect(replay(withInput(longer, { activitiesPerRun: 3 }))).rejects.toThrow(/TMPRL1100|[Nn]ondeterminism/);
});

it('continues as new when the server suggests it', async () => {
  const unlimited = withInput(newest('logs-continued'), {});
  const tasks = (unlimited.events ?? []).flatMap((event) => event.workflowTaskStartedEventAttributes ?? []);
  const last = tasks.at(-1);
  if (!last) throw new Error('no workflow task was recorded');
  last.suggestContinueAsNew = true;
  await replay(unlimited);
});

it.each(files)('%s holds nothing of the machine, of people or of secrets', (file) => {
  const payloads: string[] = [];
  JSON.parse(textOf(file), (key, value: unknown) => {
    if (key === 'data' && typeof value === 'string') payloads.push(Buffer.from(value, 'base64').toString());
    return value;
  });
  const whole = [textOf(file), ...payloads].join('\n');
  // Tells that payloads were looked into.
  expect(whole).toContain('example-');
  // Paths, addresses of people and of processes (`pid@host`), and what secrets are called.
  const revealing =
    /node_modules|file:\/\/|\/(?:home|root|usr|tmp|Users)\/|\w@[a-z]|secret|password|access_token|"stackTrace": "[^"]/i;
  expect(revealing.exec(whole)?.[0]).toBeUndefined();
});

function withInput(history: History, input: object): History {
  const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
  if (!started) throw new Error('the history does not begin with its start');
  started.input = { payloads: [defaultPayloadConverter.toPayload(input)] };
  return history;
}
