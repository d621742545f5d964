#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, reportAndExit, UsageError } from './commands/failure.js';
import { buildProgram, fromCommander } from './commands/program.js';
import { programVersion } from './version.js';

// Whoever reads has seen enough (`| head`): that is no failure, and there is nobody left to write for.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });

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
