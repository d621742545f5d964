import { readFileSync } from 'node:fs';
import { KEY_ALGORITHMS } from '../emulator/client-assertion.js';
import { emulatorDefaults, type EmulatorOptions, runEmulator } from '../emulator/main.js';
import { type CommonFlags, openOutput } from './context.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { count } from './terminal.js';

export interface EmulateFlags extends CommonFlags {
  port: string;
  logs: string;
  users: string;
  clients: string;
  roles: string;
  organizations: string;
  members: string;
  seed: string;
  stateFile?: string;
  live?: boolean | string;
  rps?: string;
  burst?: string;
  clientId: string;
  clientSecret?: string;
  clientPublicKey?: string;
  clientKeyAlg: string;
  shape?: string;
  retentionDays?: string;
}

/** Events of a living tenant: one each so many ms. */
const LIVE_INTERVAL_MS = 2_000;
const DAY_MS = 86_400_000;

/** Serves an emulated tenant until Ctrl-C. With `--json` the ready line is the document. */
export async function emulate(flags: EmulateFlags): Promise<number> {
  const output = openOutput(flags);
  const number = (name: string, text: string): number => {
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    throw new UsageError(`--${name} ${text}: must be a number`);
  };
  const live =
    flags.live === undefined ? undefined : flags.live === true ? LIVE_INTERVAL_MS : number('live', String(flags.live));
  const shape = flags.shape ?? 'real';
  if (shape !== 'real' && shape !== 'array' && shape !== 'named' && shape !== 'data')
    throw new UsageError(`--shape ${shape}: there are real, array, named and data`);
  const options: EmulatorOptions = {
    port: number('port', flags.port),
    logs: number('logs', flags.logs),
    users: number('users', flags.users),
    clients: number('clients', flags.clients),
    roles: number('roles', flags.roles),
    organizations: number('organizations', flags.organizations),
    membersPerOrganization: number('members', flags.members),
    seed: number('seed', flags.seed),
    shape,
    clientId: flags.clientId,
    // An environment variable keeps the secret off the command line, which every user of the machine can read.
    clientSecret: flags.clientSecret ?? process.env['EMULATOR_CLIENT_SECRET'] ?? emulatorDefaults.clientSecret,
    ...clientKeyOf(flags),
    ...(flags.stateFile !== undefined && { stateFile: flags.stateFile }),
    ...(live !== undefined && { liveIntervalMs: live }),
    ...limitOf(flags, number),
    ...(flags.retentionDays !== undefined && {
      logRetentionMs: number('retention-days', flags.retentionDays) * DAY_MS,
    }),
  };
  try {
    await runEmulator(options, ({ origin, tenant }) => {
      const { terminal } = output;
      terminal.line(
        `Emulated Auth0 tenant "${tenant}" on ${origin}: ${count(Number(flags.logs))} logs, ${count(Number(flags.users))} users, ${count(Number(flags.clients))} clients`,
      );
      terminal.line(
        `Copy it with AUTH0_DOMAIN=${origin} AUTH0_CLIENT_ID=${flags.clientId} and its ${flags.clientPublicKey === undefined ? 'AUTH0_CLIENT_SECRET' : 'AUTH0_PRIVATE_KEY'}. Ctrl-C stops it.`,
      );
      output.result({ event: 'ready', origin, tenant, pid: process.pid });
    });
    return EXIT.done;
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    throw new CommandError(error.message);
  }
}

/** Throws UsageError for a file that cannot be read, and for an unknown algorithm. */
function clientKeyOf({ clientPublicKey: file, clientKeyAlg }: EmulateFlags): Pick<EmulatorOptions, 'clientKey'> {
  const algorithm = KEY_ALGORITHMS.find((known) => known === clientKeyAlg);
  if (algorithm === undefined)
    throw new UsageError(`--client-key-alg ${clientKeyAlg}: there are ${KEY_ALGORITHMS.join(', ')}`);
  if (file === undefined) return {};
  try {
    return { clientKey: { publicKey: readFileSync(file, 'utf8'), algorithm } };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new UsageError(`--client-public-key ${file} cannot be read (${String(code ?? error)})`);
  }
}

function limitOf(flags: EmulateFlags, number: (name: string, text: string) => number) {
  if (flags.rps === undefined) return {};
  const requestsPerSecond = number('rps', flags.rps);
  return { rateLimit: { requestsPerSecond, burst: number('burst', flags.burst ?? flags.rps) } };
}
