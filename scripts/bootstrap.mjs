// Makes a clone ready to run: installs the locked dependencies and builds, each only when needed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = (name) => join(root, name);
const read = (name) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');

/** Names, sizes and times of all sources: cheap to compare, changes with every edit. */
export function sourceDigest() {
  const hash = createHash('sha256').update(lockDigest());
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = join(folder, entry.name);
      if (entry.isDirectory()) walk(file);
      else hash.update(`${file} ${statSync(file).size} ${statSync(file).mtimeMs}\n`);
    }
  };
  walk(path('src'));
  hash.update(read('tsconfig.json')).update(read('tsconfig.build.json'));
  return hash.digest('hex');
}

function lockDigest() {
  return createHash('sha256').update(read('package-lock.json')).digest('hex');
}

function run(what, command, args) {
  console.error(what);
  // stdout belongs to the program that is started afterwards: scripts read its last line.
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status === 0) return;
  console.error(`${what} failed${result.error ? `: ${result.error.message}` : ''}`);
  process.exit(1);
}

/** Installs and builds what is missing or out of date. */
export function bootstrap() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`auth0-clickhouse needs Node 20.19 or later; this is ${process.version}`);
    process.exit(2);
  }
  const stamp = 'node_modules/.installed-lock';
  if (read(stamp) !== lockDigest()) {
    if (!existsSync(path('node_modules/.package-lock.json')) || read(stamp) !== '' || !installedMatches()) {
      run('Installing dependencies (once) …', 'npm', [
        'ci',
        '--include=dev',
        '--include=optional',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
      ]);
    }
    writeFileSync(path(stamp), lockDigest());
  }
  if (read('dist/.built') !== sourceDigest()) run('Building …', process.execPath, ['scripts/build.mjs']);
}

/** Whether somebody ran `npm ci` or `npm install` by hand: then every needed package of the lock is there. */
function installedMatches() {
  const wanted = Object.entries(JSON.parse(read('package-lock.json')).packages);
  return wanted.every(([name, entry]) => {
    if (name === '' || entry.optional) return true;
    const installed = read(`${name}/package.json`);
    return installed !== '' && JSON.parse(installed).version === entry.version;
  });
}
