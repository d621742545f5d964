import { pathToFileURL, fileURLToPath } from 'node:url';

/** Runs the built command line in this very process, so that signals and the exit code are its own. */
export function runCli(args) {
  const entry = fileURLToPath(new URL('../dist/client.js', import.meta.url));
  process.argv = [process.argv[0], entry, ...args];
  return import(pathToFileURL(entry).href);
}
