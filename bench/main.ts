import { runBench } from './run.js';

// What an interrupted run has left behind, such as a call to a server that is gone, must not hold the process.
process.exit(await runBench(process.argv.slice(2)));
