import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MIGRATIONS } from '../../../src/clickhouse/migrations/index.js';
import { ddlFor } from '../../../src/clickhouse/migrations/migration.js';
import { EXIT } from '../../../src/commands/failure.js';
import { buildProgram } from '../../../src/commands/program.js';
import { COMPOSE_SETTINGS, SETTINGS } from '../../../src/config/settings.js';
import { ERRORS } from '../../../src/contracts/errors.js';
import { refusedNote } from '../../../src/contracts/refused.js';
import { noCounts, type RunState } from '../../../src/contracts/types.js';
import { progressOf } from '../../../src/workflows/run-state.js';
import { JSON_SHAPES, SHAPES_OF_COMMAND } from '../../support/json-shapes.js';

const root = new URL('../../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const files = ['README.md', 'CHANGELOG.md', ...readdirSync(new URL('docs/', root)).map((name) => `docs/${name}`)];
const pages = files.filter((file) => file.endsWith('.md')).map((file) => ({ file, text: read(file) }));
const everything = pages.map(({ text }) => text).join('\n');

/** Text outside of fenced code, where a link or a heading is one. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '');
}

/** Cells of all table rows, without their padding; a `\|` stays in its cell. */
function tableRows(text: string): string[][] {
  return prose(text)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s:|-]+\|$/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The part of a page below the heading that names this word in backticks, down to the next one of its level. */
function section(text: string, word: string): string {
  return text.split(/^## /m).find((part) => part.split('\n', 1)[0]?.includes(`\`${word}\``)) ?? '';
}

/** Anchors of a page's headings as GitHub makes them. */
function anchors(text: string): Set<string> {
  return new Set(
    [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('links', () => {
  it.each(pages)('of $file lead somewhere', ({ file, text }) => {
    const broken = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !target.startsWith('https://'))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const url = path === '' ? new URL(file, root) : new URL(path, new URL(file, root));
        if (!existsSync(url)) return true;
        return anchor !== undefined && !anchors(readFileSync(url, 'utf8')).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('of the README reach every page', () => {
    const readme = read('README.md');
    expect(
      pages.map(({ file }) => file).filter((file) => file !== 'README.md' && !readme.includes(`(${file})`)),
    ).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const settings = [...Object.values(SETTINGS), ...COMPOSE_SETTINGS];
  const rows = tableRows(read('docs/configuration.md')).filter(([name]) => /^`[A-Z0-9_]+`$/.test(name ?? ''));

  it('names every setting with its default, and no other', () => {
    const documented = rows.map(([name, standard]) => `${name} ${standard}`);
    const wanted = settings.map(
      (entry) => `\`${entry.name}\` ${entry.default === undefined ? '-' : `\`${entry.default}\``}`,
    );
    expect(documented).toEqual(wanted);
  });

  it.each(settings)('tells the unit of $name', ({ name, unit }) => {
    const row = rows.find(([cell]) => cell === `\`${name}\``);
    expect(row?.[2]).toContain(unit ?? '');
  });
});

describe('docs/tables.md', () => {
  const text = read('docs/tables.md');
  const ddl = ddlFor({ database: 'auth0', cluster: null });
  const statements = MIGRATIONS.flatMap((migration) => migration.statements(ddl));
  const nameOf = (statement: string) =>
    /^(?:CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE) `auth0`\.`(\w+)`/.exec(
      statement,
    )?.[1] ?? '';
  const created = statements.map((statement) => ({ name: nameOf(statement), statement }));
  const added = (table: string) =>
    created.flatMap(({ name, statement }) => {
      const [, column = '', type = ''] = /ADD COLUMN IF NOT EXISTS (\w+) ([A-Z]\w+)/.exec(statement) ?? [];
      return name === table && column !== '' ? [{ column, type }] : [];
    });
  const tables = created
    .filter(({ statement }) => statement.startsWith('CREATE TABLE'))
    .map(({ name, statement }) => ({
      name,
      columns: [
        ...[...statement.matchAll(/^ {2}(?!INDEX )(\w+) ([A-Z]\w+)/gm)].map(([, column = '', type = '']) => ({
          column,
          type,
        })),
        ...added(name),
      ],
    }));

  it('reads the migrations', () => {
    expect(statements.filter((statement) => nameOf(statement) === '')).toEqual([]);
    expect(tables.map(({ columns }) => columns.length)).not.toContain(0);
  });

  it('names every table and view', () => {
    expect(created.map(({ name }) => name).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(tables)('has the columns of $name in their order, with their types', ({ name, columns }) => {
    const shown = section(text, name) || section(text, name.replace(/^_/, ''));
    const documented = tableRows(shown)
      .slice(1)
      .map(([column, type = '']) => `${column} ${/^\w+/.exec(type)?.[0] ?? ''}`);
    expect(documented).toEqual(columns.map(({ column, type }) => `\`${column}\` ${type}`));
  });
});

describe('docs/troubleshooting.md', () => {
  const text = read('docs/troubleshooting.md');
  const rows = tableRows(text);

  it('lists every kind of error, whether it is tried again, and no other', () => {
    const documented = rows.flatMap(([name, retried]) => {
      const [, kind] = /^\[`(\w+)`\]/.exec(name ?? '') ?? [];
      return kind === undefined ? [] : [`${kind} ${retried}`];
    });
    expect(documented).toEqual(Object.entries(ERRORS).map(([kind, { retry }]) => `${kind} ${retry ? 'yes' : 'no'}`));
  });

  it('explains every kind under a heading of its own', () => {
    const headings = [...text.matchAll(/^### (\w+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(Object.keys(ERRORS));
  });

  it('explains every exit code', () => {
    const codes = rows.map(([code]) => code).filter((code) => /^\d+$/.test(code ?? ''));
    expect(codes).toEqual(Object.values(EXIT).map(String));
  });
});

describe('the command line', () => {
  const commands = leaves(
    buildProgram('0.0.0', () => {}),
    [],
  );
  const rows = tableRows(read('README.md'));

  it.each(commands)('$name is in the table of the README', ({ name, flags }) => {
    const row = rows.find(([cell]) => cell?.includes(`\`${name}`));
    expect(row).toBeDefined();
    // The emulator has many; they are in a table of their own.
    const shown =
      name === 'emulate' ? read('docs/emulator.md') : (row?.join(' ').replaceAll(String.raw`\|`, '|') ?? '');
    expect(flags.filter((flag) => !shown.includes(`\`${flag}\``))).toEqual([]);
  });

  it('has the flags that all commands take in the README', () => {
    expect(read('README.md')).toContain('`--data-dir <folder>`');
    expect(read('README.md')).toContain('`--json`');
    expect(read('README.md')).toContain('`--tenant <name>`');
  });

  it('is what the examples call', () => {
    const known = new Set(commands.flatMap(({ name }) => name.split(' ')));
    const called = [...everything.matchAll(/(?:npm run (?:-s )?cli --|dist\/client\.js) ([a-z]+)/g)].map(
      ([, word = '']) => word,
    );
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((word) => !known.has(word))).toEqual([]);
  });
});

describe('docs/json.md', () => {
  const sections = read('docs/json.md')
    .split(/^## /m)
    .slice(1)
    .map((text) => ({ title: text.split('\n', 1)[0] ?? '', text }));
  const names = leaves(
    buildProgram('0.0.0', () => {}),
    [],
  ).map(({ name }) => name);
  /** Words in backticks of a section, and of those that it refers to. */
  const wordsOf = (title: string): Set<string> => {
    const own = sections.find((section) => section.title === title)?.text ?? '';
    const referred = [...own.matchAll(/\]\(#([\w-]+)\)/g)].flatMap(([, anchor = '']) =>
      sections.filter((section) => anchors(`## ${section.title}`).has(anchor)).map(({ text }) => text),
    );
    const code = [own, ...referred].flatMap((text) => [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span));
    return new Set(code.flatMap((span) => span.match(/\w+/g) ?? []));
  };
  const fieldsOf = (shape: keyof typeof JSON_SHAPES): string[] =>
    fieldNames(z.toJSONSchema(JSON_SHAPES[shape], { unrepresentable: 'any' }));

  it('has a heading for every command, and no other but that of failures', () => {
    expect(sections.flatMap(({ title }) => title.split(', ')).sort()).toEqual([...names, 'Failure'].sort());
  });

  it('has a shape for every command, which the tests of the program check', () => {
    expect(Object.keys(SHAPES_OF_COMMAND).sort()).toEqual([...names].sort());
  });

  it.each([...names, 'Failure'])('names every field of %s', (name) => {
    const words = wordsOf(sections.find(({ title }) => title.split(', ').includes(name))?.title ?? '');
    const fields = (SHAPES_OF_COMMAND[name] ?? ['failure']).flatMap((shape) => fieldsOf(shape));
    expect(fields.length).toBeGreaterThan(2);
    expect([...new Set(fields)].filter((field) => !words.has(field))).toEqual([]);
  });
});

/** Names of the fields that a JSON schema describes, at any depth. */
function fieldNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    key === 'properties' && typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, inner]) => [name, ...fieldNames(inner)])
      : fieldNames(value),
  );
}

/** Commands that do something, with their flags as help shows them; those that all share left out. */
function leaves(command: Command, path: readonly string[]): { name: string; flags: string[] }[] {
  if (command.commands.length > 0) return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
  const flags = command.options.map((option) => option.flags);
  return [{ name: path.join(' '), flags: flags.filter((flag) => !/^--(json|data-dir|tenant)/.test(flag)) }];
}

describe('npm scripts', () => {
  it('that the pages name exist', () => {
    const scripts = new Set([...read('package.json').matchAll(/^ {4}"([\w:-]+)": "/gm)].map(([, name = '']) => name));
    const named = [...everything.matchAll(/npm run (?:-s |--silent )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !scripts.has(name))).toEqual([]);
  });
});

describe('what a page says of the program', () => {
  it('docs/guarantees.md: nothing that is there is listed as missing', () => {
    const page = read('docs/guarantees.md');
    const missing = tableRows(page.slice(page.indexOf('## What is not there')))
      .slice(1)
      .map(([what = '']) => what.toLowerCase());
    const there = [
      ...leaves(
        buildProgram('0.0.0', () => {}),
        [],
      ).flatMap(({ name }) => name.split(' ')),
      ...['metrics', 'alert', 'tls', 'api key', 'traces', 'proxy'],
    ];
    expect(missing.length).toBeGreaterThan(0);
    // A word that is a command and an everyday word as well.
    const found = there.filter((word) => word !== 'list' && missing.some((what) => what.includes(word)));
    expect(found).toEqual([]);
  });

  it('docs/temporal.md: the answer of the query progress has the fields that a run gives', () => {
    const [, sample = '{}'] = /QueryResult +(\{.*\})/.exec(read('docs/temporal.md')) ?? [];
    const state: RunState = {
      version: 1,
      tenant: 'demo',
      resource: 'logs',
      runId: 'r',
      epoch: 0,
      mode: 'logs',
      cursor: null,
      block: 0,
      counts: noCounts(),
      total: null,
      gaps: 0,
      warnings: [],
      pagesPerActivity: 1,
      firstCursor: null,
      exportJobId: null,
      exportJobs: 0,
      exportLines: 0,
      serverTime: null,
      oldestDate: null,
      acceptDeletes: false,
    };
    expect(Object.keys(JSON.parse(sample)).toSorted()).toEqual(Object.keys(progressOf(state, 'done')).toSorted());
  });

  it('docs/schedules.md: the note of a schedule that has paused itself is the one that is written', () => {
    expect(read('docs/schedules.md')).toContain(refusedNote('CredentialsRejected'));
    expect(read('docs/runbook.md')).toContain('schedule resume');
  });
});

describe('a redirect or a pipe', () => {
  /** Lines whose output goes to a file or a program, what is quoted left out. */
  const redirected = (text: string) =>
    text
      .split('\n')
      .filter((line) => /npm (?:run (?:-s |--silent )?cli|(?:-s )?start)\b/.test(line) && !line.startsWith('|'))
      .filter((line) => /\$\(npm /.test(line) || /[|>]/.test(line.replaceAll(/"[^"]*"|'[^']*'|<[a-z][\w-]*>/g, '')));
  const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ file: `src/${name}`, text: read(`src/${name}`).replaceAll(/\/\*[\s\S]*?\*\/|=>/g, '') }));

  it('is found', () => {
    expect(
      redirected('npm run cli -- query "a > 1" | head\nnpm run cli -- query "a > 1"\nx="$(npm run cli -- status)"'),
    ).toHaveLength(2);
  });

  it.each([...pages, ...sources.filter(({ text }) => text.includes('npm '))])(
    'in $file has no lines of npm in it (npm run -s)',
    ({ text }) => {
      expect(redirected(text).filter((line) => !/npm (?:run )?(?:-s|--silent) /.test(line))).toEqual([]);
    },
  );
});

describe('every page', () => {
  it.each(pages)('$file names no folder of a machine and no package registry', ({ text }) => {
    const paths = text.match(/(?<![\w.~-])\/(?:work|root|home|Users|tmp)\/[^\s`]*|[A-Z]:\\\w+/g) ?? [];
    const hosts = (text.match(/https?:\/\/[^\s)`]+/g) ?? []).filter((url) => /registry|npmjs|mirror|pypi/.test(url));
    expect([...paths, ...hosts]).toEqual([]);
  });
});
