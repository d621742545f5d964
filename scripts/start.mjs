// npm start: makes the clone ready, then `auth0-clickhouse up`.
import { bootstrap } from './bootstrap.mjs';
import { runCli } from './run.mjs';

bootstrap();
await runCli(['up', ...process.argv.slice(2)]);
