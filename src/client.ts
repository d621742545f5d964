#!/usr/bin/env node
import { CommanderError } from 'commander';
import { reportAndExit, UsageError } from './commands/failure.js';
import { buildProgram, fromCommander } from './commands/program.js';
import { programVersion } from './version.js';

let exitCode: number | undefined;
const program = buildProgram(programVersion(), (code) => {
  exitCode = code;
});
try {
  await program.parseAsync();
} catch (error) {
  const json = process.argv.includes('--json');
  if (!(error instanceof CommanderError)) reportAndExit(error, json);
  const usage = fromCommander(error);
  if (usage instanceof UsageError) reportAndExit(usage, json);
}
// Some parts (a client's idle sockets) would keep the process for a while.
process.exit(exitCode ?? 0);
