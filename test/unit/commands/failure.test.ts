import { expect, it } from 'vitest';
import { CommandError, describeFailure, EXIT, Interrupted, UsageError } from '../../../src/commands/failure.js';
import { ConfigError } from '../../../src/config/config.js';
import { ERRORS, type ErrorKind, ExtractError, isErrorKind } from '../../../src/contracts/errors.js';

it('keeps the exit codes that scripts rely on', () => {
  expect(EXIT).toEqual({ done: 0, failed: 1, usage: 2, interrupted: 130 });
});

it.each<[string, unknown, number, string]>([
  ['wrong settings', new ConfigError(['A is missing', 'B must be a number']), 2, 'A is missing'],
  ['wrong usage', new UsageError('unknown option --x'), 2, 'unknown option --x'],
  ['a setting found wrong later', new ExtractError('Configuration', 'no tenant'), 2, ERRORS.Configuration.next],
  ['what a person has to be told', new CommandError('it is running already'), 1, 'it is running already'],
  ['Ctrl-C', new Interrupted(), 130, ''],
  ['a bug', new TypeError('x is not a function'), 1, 'TypeError: x is not a function'],
  ['a bug that throws text', 'text', 1, 'text'],
])('%s', (_name, error, exitCode, message) => {
  const described = describeFailure(error);
  expect(described.exitCode).toBe(exitCode);
  expect(described.message).toContain(message);
  if (message === '') expect(described.message).toBe('');
});

it('shows all wrong settings at once, and no stack of what is no bug', () => {
  const { message } = describeFailure(new ConfigError(['A is missing', 'B must be a number']));
  expect(message).toContain('B must be a number');
  for (const error of [
    new ConfigError([]),
    new UsageError('m'),
    new CommandError('m'),
    new ExtractError('Internal', 'm'),
  ])
    expect(describeFailure(error).message).not.toContain('    at ');
  expect(describeFailure(new Error('m')).message).toContain('    at ');
});

it('tells of every error of the taxonomy where it happened and what to do', () => {
  const kinds = Object.keys(ERRORS).filter((kind): kind is ErrorKind => isErrorKind(kind));
  expect(kinds.length).toBeGreaterThan(15);
  for (const kind of kinds) {
    const error = new ExtractError(kind, 'It broke', {
      resource: 'logs',
      page: 3,
      cursor: 'c1',
      status: 502,
      code: 'x',
    });
    expect(describeFailure(error)).toEqual({
      message: `It broke (logs, page 3, cursor c1, HTTP 502, x). ${ERRORS[kind].next}`,
      exitCode: kind === 'Configuration' ? 2 : 1,
    });
  }
});
