import { type Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram, fromCommander } from '../../../src/commands/program.js';
import { theTenant } from '../../../src/commands/context.js';

/** The program with actions that do nothing: what was called, and what it printed. */
function dryProgram() {
  const called: string[] = [];
  const printed: string[] = [];
  const program = buildProgram('0.0.0', () => {});
  const output = { writeOut: (text: string) => printed.push(text), writeErr: (text: string) => printed.push(text) };
  for (const command of [program, ...descendants(program)]) {
    command.configureOutput(output);
    if (command.commands.length > 0) continue;
    command.action(() => {
      called.push(pathOf(command));
    });
  }
  const run = (args: readonly string[]): CommanderError | undefined => {
    try {
      program.parse(args, { from: 'user' });
      return undefined;
    } catch (error) {
      if (error instanceof CommanderError) return error;
      throw error;
    }
  };
  return { run, called, printed: () => printed.join('') };
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}

/** Words that call a command, without the name of the program. */
function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();
}

/** The arguments of an example, as a shell would hand them over. */
function argumentsOf(example: string): string[] {
  const [line = ''] = example.split(' > ');
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare = '']) => quoted ?? bare);
  if (words[0] === 'npm' && words[1] === 'start') return ['up', ...words.slice(3)];
  if (words[0] !== 'auth0-clickhouse') throw new Error(`"${example}" calls another program`);
  return words.slice(1);
}

const program = buildProgram('0.0.0', () => {});
const commands = descendants(program).map((command) => ({
  name: pathOf(command),
  isGroup: command.commands.length > 0,
}));

/** The example in the help of a command, and all of the help. */
function helpOf(name: string): { help: string; example: string } {
  const { run, printed } = dryProgram();
  expect(run([...name.split(' ').filter((word) => word !== ''), '--help'])?.exitCode).toBe(0);
  const [, example = ''] = /\nExample:\n {2}(.+)\n*$/.exec(printed()) ?? [];
  return { help: printed(), example };
}

describe('help', () => {
  it('is asked for more than a few commands', () => {
    expect(commands.filter(({ isGroup }) => !isGroup).length).toBeGreaterThan(15);
  });

  it.each([{ name: '', isGroup: true }, ...commands])('of "$name" ends with an example that it takes', (command) => {
    const { example } = helpOf(command.name);
    const { run, called } = dryProgram();
    expect(run(argumentsOf(example)), example).toBeUndefined();
    // A group's example calls one of its commands, any other example the command itself.
    expect(called).toHaveLength(1);
    if (!command.isGroup) expect(called).toEqual([command.name]);
    else expect(called[0]?.startsWith(command.name)).toBe(true);
  });

  it.each(commands.filter(({ isGroup }) => !isGroup))('of "$name" has the flags that all commands take', ({ name }) => {
    const { help } = helpOf(name);
    for (const flag of ['--data-dir <folder>', '--tenant <name>', '--json']) expect(help).toContain(`  ${flag} `);
  });
});

describe('a wrong word', () => {
  it.each([
    [['statsu'], 'status'],
    [['sycn'], 'sync'],
    [['schedule', 'aply'], 'apply'],
    [['state', 'exprot'], 'export'],
    [['sync', '--resource', 'logs'], '--resources'],
    [['up', '--onec'], '--once'],
    [['backfill', 'logs', '--form', '2026-01-01'], '--from'],
    [['status', '--tennant', 'a'], '--tenant'],
    [['schedule', 'apply', '--dryrun'], '--dry-run'],
    [['emulate', '--shap', 'real'], '--shape'],
    [['verify', '--jsn'], '--json'],
  ])('%j is told the nearest right one: %s', (args, nearest) => {
    const { run, called, printed } = dryProgram();
    const error = run(args);
    expect(called).toEqual([]);
    expect(printed()).toContain(`(Did you mean ${nearest}?)`);
    if (error === undefined) throw new Error('it was taken');
    const usage = fromCommander(error);
    expect(usage).toMatchObject({ printed: true });
    expect(usage?.message).toMatch(/^unknown (option|command) /);
    expect(usage?.message).toContain(`(Did you mean ${nearest}?)`);
  });

  it.each(
    commands
      .filter(({ isGroup }) => !isGroup)
      .flatMap(({ name }) => flagsOf(name).map((flag) => ({ name, flag, wrong: `--${flag.slice(3)}` }))),
  )('of "$name": $wrong is told $flag', ({ name, flag, wrong }) => {
    const { run, printed } = dryProgram();
    expect(run([...name.split(' '), wrong])).toBeDefined();
    const [, suggested = ''] = /\(Did you mean (.+)\?\)/.exec(printed()) ?? [];
    expect(suggested).toContain(flag);
  });
});

/** Long flags of a command in which one letter less still resembles them. */
function flagsOf(name: string): string[] {
  const command = descendants(program).find((one) => pathOf(one) === name);
  return (command?.options ?? []).flatMap(({ long }) =>
    long !== null && long !== undefined && long.length > 5 ? [long] : [],
  );
}

describe('a command for one tenant', () => {
  it('names --tenant and the tenants where there are several', () => {
    expect(theTenant({ tenants: ['acme'] })).toBe('acme');
    expect(() => theTenant({ tenants: ['acme', 'acme-us'] })).toThrow(/--tenant: acme, acme-us$/);
    expect(() => theTenant({ tenants: [] })).toThrow(/--tenant/);
  });
});
