import { Command, type CommanderError, Option } from 'commander';
import { EXIT, UsageError } from './failure.js';

/** Adds a command: the flags that all have, and an example in its help. Its code is loaded only when it runs. */
function add(
  parent: Command,
  name: string,
  description: string,
  example: string,
  build: (command: Command) => Command = (command) => command,
  options: { isDefault?: boolean } = {},
): Command {
  const command = build(parent.command(name, options).description(description))
    .addOption(new Option('--data-dir <folder>', 'folder of the one-command stack (DATA_DIR)'))
    .option('--tenant <name>', 'only this one of several tenants')
    .option('--json', 'print one JSON document as the last line on stdout, all else on stderr');
  return withExample(command, example);
}

function withExample(command: Command, example: string): Command {
  return command.addHelpText('after', `\nExample:\n  ${example}`);
}

const RESOURCES_FLAG = '--resources <list>';

/** The command line. `finish` gets the exit code of the command that ran. */
export function buildProgram(version: string, finish: (exitCode: number) => void): Command {
  const program = new Command('auth0-clickhouse')
    .description('Copies an Auth0 tenant (users, clients, logs) into ClickHouse, and keeps it there.')
    .version(version)
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: (text, write) => write(text) })
    .exitOverride((error: CommanderError) => {
      throw error;
    });
  withExample(program, 'npm start');

  add(
    program,
    'up',
    'start what is not configured (Temporal, ClickHouse, a tenant emulator, the worker), sync, and keep syncing',
    'npm start -- --once --json',
    (command) =>
      command
        .option('--once', 'end after one sync of everything')
        .option('--full', 'take a full snapshot of the users even if one is not due')
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users')
        .option('--temporal-port <port>', 'port of the Temporal server; 0: any free one (TEMPORAL_PORT)')
        .option('--ui-port <port>', 'port of its web UI; 0: any free one (TEMPORAL_UI_PORT)')
        .option('--clickhouse-port <port>', 'port of ClickHouse; 0: any free one (CLICKHOUSE_PORT)'),
  ).action(async (flags) => finish(await (await import('./up.js')).up(flags)));

  add(
    program,
    'sync',
    'sync once against a running stack; joins a sync that is under way',
    'auth0-clickhouse sync --resources users --full',
    (command) =>
      command
        .option('--full', 'take a full snapshot of the users even if one is not due')
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users')
        .option(
          '--accept-deletes',
          'take a full snapshot, and mark as deleted more records than MAX_DELETE_SHARE allows',
        )
        .option('--from <date|log_id>', 'start there instead of at the checkpoint')
        .option('--detach', 'start it and do not wait'),
  ).action(async (flags) => finish(await (await import('./sync.js')).sync(flags)));

  add(
    program,
    'backfill <resource>',
    'read an interval of the logs again beside the live sync, and store what is missing',
    'auth0-clickhouse backfill logs --from 2026-01-01 --to 2026-01-04',
    (command) =>
      command
        .option('--from <date>', 'logs that the tenant took in at or after this date')
        .option('--to <date>', 'logs that it took in before this date')
        .option('--available', 'take what is left where the tenant no longer keeps the beginning')
        .option('--detach', 'start it and do not wait'),
  ).action(async (resource: string, flags) => finish(await (await import('./backfill.js')).backfill(resource, flags)));

  add(
    program,
    'reload <resource>',
    'take a full snapshot of users or clients now',
    'auth0-clickhouse reload users',
    (command) =>
      command
        .option('--accept-deletes', 'mark as deleted more records than MAX_DELETE_SHARE allows')
        .option('--detach', 'start it and do not wait'),
  ).action(async (resource: string, flags) => finish(await (await import('./reload.js')).reload(resource, flags)));

  const chosen = (command: Command) =>
    command
      .option(RESOURCES_FLAG, 'only these, e.g. logs,users; backfills belong to logs')
      .option('--backfills', 'only backfills');
  add(
    program,
    'pause',
    'pause the schedules, and the runs under way once their pages in flight are stored',
    'auth0-clickhouse pause --resources users --reason "maintenance until noon"',
    (command) => chosen(command).option('--reason <text>', 'why, for those who find it paused'),
  ).action(async (flags) => finish(await (await import('./pause.js')).pause(flags)));

  add(
    program,
    'resume',
    'let paused schedules and runs go on where they were',
    'auth0-clickhouse resume',
    chosen,
  ).action(async (flags) => finish(await (await import('./pause.js')).resume(flags)));

  add(
    program,
    'cancel',
    'cancel the runs under way, wait for their end, and say what each had stored; schedules go on',
    'auth0-clickhouse cancel --resources logs',
    chosen,
  ).action(async (flags) => finish(await (await import('./cancel.js')).cancel(flags)));

  add(
    program,
    'status',
    'show what each resource does, how far behind it is, what went wrong; exit code 1 when something needs attention',
    'auth0-clickhouse status --watch',
    (command) => command.option('--watch', 'draw it again and again until Ctrl-C'),
  ).action(async (flags) => finish(await (await import('./status.js')).status(flags)));

  add(
    program,
    'doctor',
    'check settings, tenants, ClickHouse and Temporal, and say how to cure what is wrong; changes nothing',
    'auth0-clickhouse doctor',
  ).action(async (flags) => finish(await (await import('./doctor.js')).doctor(flags)));

  add(
    program,
    'query [sql]',
    'ask ClickHouse, by an argument, a file or stdin; an embedded one that is not running is started for it and stopped again',
    'auth0-clickhouse query "SELECT type, count() FROM logs GROUP BY type" --format Vertical',
    (command) =>
      command
        .option('--format <format>', 'output format of ClickHouse, e.g. CSVWithNames')
        .option('--file <file>', 'read the SQL from there; - is stdin')
        .option('--write', 'let the statement write; else it can only read'),
  ).action(async (sql: string | undefined, flags) => finish(await (await import('./query.js')).query(sql, flags)));

  add(
    program,
    'verify',
    'walk the tenant again and compare it with the copy, id by id; exit code 1 on a difference',
    'auth0-clickhouse verify --resources logs --from 2026-01-01 --to 2026-02-01',
    (command) =>
      command
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users')
        .option('--from <date>', 'logs that the tenant took in at or after this date')
        .option('--to <date>', 'logs that it took in before this date')
        .option('--repair', 'store what is missing or different, then compare once more')
        .option('--limit <n>', 'name at most so many ids of each kind (default: 20); counts are always exact'),
  ).action(async (flags) => finish(await (await import('./verify.js')).verify(flags)));

  addScheduleCommands(program, finish);

  const config = program.command('config').description('the settings as they are read');
  withExample(config, 'auth0-clickhouse config show');
  add(
    config,
    'show',
    'show every setting and where it comes from, and what is wrong; secrets are masked',
    'auth0-clickhouse config show --json',
  ).action(async (flags) => finish(await (await import('./config.js')).configShow(flags)));

  const runs = program.command('runs').description('what runs did, from the ledger');
  withExample(runs, 'auth0-clickhouse runs --failed');
  const runsModule = () => import('./runs.js');
  add(
    runs,
    'list',
    'list runs, the newest first',
    'auth0-clickhouse runs list --failed --limit 50',
    (command) =>
      command
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users')
        .option('--failed', 'only those that did not end well')
        .option('--limit <n>', 'at most so many (default: 20)'),
    { isDefault: true },
  ).action(async (flags) => finish(await (await runsModule()).runsList(flags)));
  add(
    runs,
    'show <id>',
    'show a run by its id or the beginning of it, with what its worker has logged',
    'auth0-clickhouse runs show 01a208d8',
  ).action(async (id: string, flags) => finish(await (await runsModule()).runsShow(id, flags)));

  const gaps = program.command('gaps').description('intervals that could not be read');
  withExample(gaps, 'auth0-clickhouse gaps');
  const gapsModule = () => import('./gaps.js');
  add(
    gaps,
    'list',
    'list the gaps, and who has looked at them',
    'auth0-clickhouse gaps list --open',
    (command) => command.option('--open', 'only those that nobody has looked at, or filled'),
    { isDefault: true },
  ).action(async (flags) => finish(await (await gapsModule()).gapsList(flags)));
  add(
    gaps,
    'ack [ids...]',
    'note that somebody has looked at gaps: they no longer count in status and metrics',
    'auth0-clickhouse gaps ack 3f9a12cd --note "the log stream has them"',
    (command) =>
      command
        .option('--all', 'all open ones')
        .option('--note <text>', 'what was found out')
        .option('--by <name>', 'who has looked (default: the user of this machine)')
        .option('--undo', 'take it back: they count again'),
  ).action(async (ids: string[], flags) => finish(await (await gapsModule()).gapsAck(ids, flags)));

  add(
    program,
    'reset [resource]',
    'drop what is held of a resource, or with --tenant alone of a tenant: records, positions, gaps, ledger; asks before',
    'auth0-clickhouse reset users --tenant acme.eu',
    (command) => command.option('--yes', 'do not ask; without a terminal there is no other way'),
  ).action(async (resource: string | undefined, flags) =>
    finish(await (await import('./reset.js')).reset(resource, flags)),
  );

  const repair = program.command('repair').description('bring back what somebody has dropped or changed');
  withExample(repair, 'auth0-clickhouse repair tables');
  add(
    repair,
    'tables',
    'make dropped tables and views again, and replace views that were changed; the next sync reads what they held',
    'auth0-clickhouse repair tables',
  ).action(async (flags) => finish(await (await import('./repair.js')).repairTables(flags)));

  const state = program.command('state').description('the positions of the copy: checkpoints and gaps');
  withExample(state, 'auth0-clickhouse state export > state.json');
  add(state, 'export', 'print the checkpoints and gaps as JSON', 'auth0-clickhouse state export > state.json').action(
    async (flags) => finish(await (await import('./state.js')).stateExport(flags)),
  );
  add(
    state,
    'import <source>',
    "take over checkpoints and gaps from a file, from stdin (-), or another tool's position (a log id)",
    'auth0-clickhouse state import state.json',
    (command) => command.option('--force', 'replace checkpoints that are there already and differ'),
  ).action(async (source: string, flags) => finish(await (await import('./state.js')).stateImport(source, flags)));

  add(
    program,
    'worker',
    'run a worker until Ctrl-C; TEMPORAL_ADDRESS and CLICKHOUSE_URL must be set',
    'auth0-clickhouse worker',
  ).action(async (flags) => finish(await (await import('./worker.js')).worker(flags)));

  add(
    program,
    'emulate',
    'serve an emulated Auth0 tenant until Ctrl-C, for trying things out and for tests',
    'auth0-clickhouse emulate --port 9400 --logs 100000 --users 5000 --rps 16 --burst 50',
    (command) =>
      command
        .option('--port <port>', 'port on loopback; 0: any free one', '9400')
        .option('--logs <n>', 'log events to begin with', '20000')
        .option('--users <n>', 'users to begin with', '2500')
        .option('--clients <n>', 'clients to begin with', '120')
        .option('--roles <n>', 'roles to begin with', '12')
        .option('--organizations <n>', 'organizations to begin with', '40')
        .option('--members <n>', 'most members of an organization', '24')
        .option('--seed <n>', 'the same seed makes the same tenant', '1')
        .option('--live [ms]', 'go on producing events, one each so many ms (default 2000)')
        .option('--rps <n>', 'rate limit, requests a second')
        .option('--burst <n>', 'size of its bucket')
        .option('--shape <shape>', 'shape of the lists: real, array, named or data', 'real')
        .option('--retention-days <n>', 'days that logs are kept')
        .option('--client-id <id>', 'client id that is let in', 'emulator-client')
        .option('--client-secret <secret>', 'its secret (EMULATOR_CLIENT_SECRET)')
        .option('--client-public-key <file>', 'PEM file of its public key: it is let in by signed assertions instead')
        .option('--client-key-alg <alg>', 'algorithm of that key: RS256, RS384 or PS256', 'RS256')
        .option('--state-file <file>', 'keep the tenant there over restarts'),
  ).action(async (flags) => finish(await (await import('./emulate.js')).emulate(flags)));
  return program;
}

function addScheduleCommands(program: Command, finish: (exitCode: number) => void): void {
  const schedule = program.command('schedule').description('the schedules that keep the copy up to date');
  withExample(schedule, 'auth0-clickhouse schedule list');
  const commands = () => import('./schedule.js');
  add(
    schedule,
    'apply',
    'make the schedules of the configuration true, and show what that changes',
    'auth0-clickhouse schedule apply --dry-run',
    (command) =>
      command
        .option('--dry-run', 'show what would change, and change nothing')
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users'),
  ).action(async (flags) => finish(await (await commands()).scheduleApply(flags)));
  add(
    schedule,
    'list',
    'show the schedules with their last and next runs, and what is stale',
    'auth0-clickhouse schedule list --json',
  ).action(async (flags) => finish(await (await import('./schedule-list.js')).scheduleList(flags)));
  add(
    schedule,
    'delete',
    'delete schedules, also of a tenant that is no longer configured; runs under way go on',
    'auth0-clickhouse schedule delete --resources logs',
    (command) => command.option(RESOURCES_FLAG, 'only these, e.g. logs,users'),
  ).action(async (flags) => finish(await (await commands()).scheduleDelete(flags)));
  add(
    schedule,
    'pause',
    'let schedules start no more runs; runs under way go on',
    'auth0-clickhouse schedule pause --resources logs --note "until Monday"',
    (command) =>
      command
        .option(RESOURCES_FLAG, 'only these, e.g. logs,users')
        .option('--note <text>', 'why; schedule list shows it'),
  ).action(async (flags) => finish(await (await commands()).schedulePause(flags)));
  add(
    schedule,
    'resume',
    'let paused schedules start runs again',
    'auth0-clickhouse schedule resume --resources logs',
    (command) => command.option(RESOURCES_FLAG, 'only these, e.g. logs,users').option('--note <text>', 'what was done'),
  ).action(async (flags) => finish(await (await commands()).scheduleResume(flags)));
}

/** Turns commander's own errors into ours; help and version are no errors. */
export function fromCommander(error: CommanderError): UsageError | undefined {
  if (error.exitCode === EXIT.done) return undefined;
  // Its text has been printed already.
  return new UsageError(error.message.replace(/^error: /, ''), { printed: true });
}
