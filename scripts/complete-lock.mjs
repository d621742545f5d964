// Completes package-lock.json with the optional packages of platforms that npm could not see.
//
// npm leaves an optional package of a foreign platform out of the lock when the registry (or mirror) in use
// does not serve it, and then refuses its own file: "npm ci ... Missing: @swc/core-darwin-arm64@ from lock file".
// Run after every change of dependencies; `--check` only reports (used by CI).
import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const check = process.argv.includes('--check');
const added = [];

/** The platform in a package's name, e.g. core-linux-x64-musl: npm needs it to skip foreign ones. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const pick = (known) => words.filter((word) => known.includes(word));
  const windows = words.includes('windows') ? ['win32'] : [];
  return {
    os: [...pick(['darwin', 'linux', 'win32', 'android', 'freebsd', 'openharmony']), ...windows],
    cpu: pick(['x64', 'arm64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'wasm32']),
    libc: words.includes('musl') ? ['musl'] : words.some((w) => w === 'gnu') ? ['glibc'] : [],
  };
}

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (path === '' || `node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages)
      continue;
    if (!/^\d+\.\d+\.\d+/.test(version)) continue;
    const { os, cpu, libc } = platformOf(name);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length > 0 && { cpu }),
      ...(entry.dev && { dev: true }),
      ...(libc.length > 0 && { libc }),
      optional: true,
      ...(os.length > 0 && { os }),
    };
    added.push(`${name}@${version}`);
  }
}

const hosts = Object.entries(lock.packages).filter(([, entry]) => 'resolved' in entry);
for (const [, entry] of hosts) delete entry.resolved;

if (check) {
  for (const name of added) console.error(`package-lock.json lacks ${name}`);
  for (const [path] of hosts) console.error(`package-lock.json names a registry host for ${path}`);
  if (added.length + hosts.length > 0) {
    console.error('Run: npm run lock:complete');
    process.exit(1);
  }
} else if (added.length + hosts.length > 0) {
  const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  writeFileSync(LOCK, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
  for (const name of added) console.log(`added ${name}`);
}
