// npm run cli -- <command>: makes the clone ready, then runs the command line.
import { bootstrap } from './bootstrap.mjs';
import { runCli } from './run.mjs';

bootstrap();
await runCli(process.argv.slice(2));
