import { ConfigError } from '../config/config.js';
import { explainSettings, findUnknown, loadConfig, type ShownSetting } from '../config/load.js';
import { describeUnknown } from '../config/unknown.js';
import { type CommonFlags, openOutput, type Output } from './context.js';
import { EXIT } from './failure.js';
import { alignColumns } from './terminal.js';

/**
 * Shows every setting, where it comes from, and what is wrong; secrets are masked. JSON: `{settings, tenants, unknown,
 * problems}`. Exit code 2: they cannot be used.
 */
export async function configShow(flags: CommonFlags): Promise<number> {
  const output = openOutput(flags);
  const overrides = { DATA_DIR: flags.dataDir };
  const { settings, tenants } = explainSettings(overrides);
  const unknown = findUnknown();
  const problems = problemsWith(overrides);
  const meant = tenants.filter(({ tenant }) => flags.tenant === undefined || tenant === flags.tenant);
  print(output, settings);
  for (const { tenant, settings: own } of meant) {
    output.terminal.line();
    output.terminal.line(output.terminal.colors.bold(`Tenant ${tenant}`));
    for (const row of rowsOf(output, own)) output.terminal.line(row);
  }
  const { yellow, red } = output.terminal.colors;
  if (unknown.length + problems.length > 0) output.terminal.line();
  for (const one of unknown) output.terminal.line(yellow(describeUnknown(one)));
  for (const problem of problems) output.terminal.line(red(problem));
  output.result({
    settings: settings.map(documented),
    tenants: meant.map((one) => ({ tenant: one.tenant, settings: one.settings.map(documented) })),
    unknown,
    problems,
  });
  return Promise.resolve(problems.length > 0 ? EXIT.usage : EXIT.done);
}

function problemsWith(overrides: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(overrides);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function documented({ group: _group, ...rest }: ShownSetting): Omit<ShownSetting, 'group'> {
  return rest;
}

function print(output: Output, settings: readonly ShownSetting[]): void {
  const { terminal } = output;
  const rows = rowsOf(output, settings);
  let heading = '';
  for (const [i, { group }] of settings.entries()) {
    const [title = ''] = group.split(' (');
    if (title !== heading) {
      if (heading !== '') terminal.line();
      terminal.line(terminal.colors.bold(title));
      heading = title;
    }
    terminal.line(rows[i]);
  }
}

function rowsOf({ terminal: { colors } }: Output, settings: readonly ShownSetting[]): string[] {
  return alignColumns(
    settings.map(({ name, value, from, file }) => {
      const place = file === null ? from : `${from} ${file}`;
      const isOwn = from !== 'default' && from !== 'unset';
      return [`  ${name}`, value ?? '', isOwn ? place : colors.dim(place)];
    }),
  );
}
