import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copiedFromContext, dockerfileProblems, dockerStages, isIgnored } from './checks.js';

const root = new URL('../../../', import.meta.url);
const dockerfile = readFileSync(new URL('Dockerfile', root), 'utf8');
const dockerignore = readFileSync(new URL('.dockerignore', root), 'utf8');

function changed(from: string | RegExp, to: string): string {
  const text = dockerfile.replace(from, to);
  if (text === dockerfile) throw new Error(`the Dockerfile holds no ${String(from)}`);
  return text;
}

describe('Dockerfile', () => {
  it('builds a small image that runs without privileges and holds no secrets', () => {
    expect(dockerfileProblems(dockerfile)).toEqual([]);
  });

  it.each([
    ['one stage', /^FROM \S+ AS build[^]*(?=FROM \S+ AS runtime)/m, '', 'one stage'],
    ['root by default', 'USER node', '', 'runs as root'],
    ['root by name', 'USER node', 'USER root', 'runs as root'],
    ['root by number', 'USER node', 'USER 0:0', 'runs as root'],
    ['dev dependencies', '--omit=dev ', '', 'ships dev dependencies'],
    ['chdb', ' --omit=optional', '', 'ships optional dependencies'],
    ['the modules of the build', '--from=dependencies', '--from=build', 'ships dev dependencies'],
    ['ADD', 'COPY src ./src', 'ADD src ./src', 'ADD fetches'],
    ['the env file', 'COPY src ./src', 'COPY .env ./', 'can bring in secrets'],
    ['the whole folder', 'COPY src ./src', 'COPY . ./', 'can bring in secrets'],
    ['a secret argument', 'ARG VERSION=0.0.0', 'ARG AUTH0_CLIENT_SECRET', 'bakes a secret'],
    ['a floating base', 'node:20.20.2-bookworm-slim', 'node:latest', 'node:latest is not pinned'],
    ['musl', 'node:20.20.2-bookworm-slim', 'node:20.20.2-alpine', 'not a slim glibc image'],
    ['no health check', /^HEALTHCHECK.*$/m, '', 'no health check'],
    ['no stop signal', /^STOPSIGNAL.*$/m, '', 'no stop signal'],
    ['a shell as process 1', /^CMD.*$/m, 'CMD node dist/worker.js', 'exec form'],
    ['no licence', 'image.licenses=', 'image.license=', 'no label licenses'],
  ])('sees %s', (_, from, to, problem) => {
    expect(dockerfileProblems(changed(from, to))).toContainEqual(expect.stringContaining(problem));
  });

  it('ships the bundle of the workflows and does not go on without it', () => {
    const build = dockerStages(dockerfile).find(({ alias }) => alias === 'build');
    expect(build?.instructions.findLast(({ name }) => name === 'RUN')?.rest).toContain(
      'test -s dist/workflow-bundle.js',
    );
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const copied = copiedFromContext(dockerStages(dockerfile));
    expect(copied).toContain('package-lock.json');
    expect(copied.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    expect(copied.filter((path) => isIgnored(dockerignore, path))).toEqual([]);
  });
});

describe('.dockerignore', () => {
  it.each([
    'node_modules/chdb/index.js',
    'src/node_modules/x.js',
    '.env',
    '.env.production',
    'src/.env',
    'scripts/.env.local',
    '.data/clickhouse/store',
    '.git/config',
    'dist/worker.js',
    'test/unit/deploy/checks.ts',
    'deploy/temporal/setup-schema.sh',
    'src/config/tenant.pem',
    'users-export.ndjson',
  ])('keeps out %s', (path) => {
    expect(isIgnored(dockerignore, path)).toBe(true);
  });

  it.each(['src/worker.ts', 'src/clickhouse/log-types.csv', 'scripts/build.mjs', 'deploy/worker-health.mjs'])(
    'lets in %s',
    (path) => {
      expect(isIgnored(dockerignore, path)).toBe(false);
    },
  );

  it('is read in order, the last match winning', () => {
    expect(isIgnored('*\n!src\n', 'src/a')).toBe(false);
    expect(isIgnored('*\n!src\n**/.env', 'src/.env')).toBe(true);
    expect(isIgnored('**/.env\n!src', 'src/.env')).toBe(false);
    expect(isIgnored('*.log', 'a/b.log')).toBe(false);
  });
});
