import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PACKED = z.array(z.object({ files: z.array(z.object({ path: z.string() })) }));

it('packs what is listed, and no data folder, whatever it is called', () => {
  const folder = mkdtempSync(join(root, '.data-'));
  try {
    mkdirSync(join(folder, 'clickhouse'));
    writeFileSync(join(folder, 'clickhouse', 'rows.bin'), 'personal');
    const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const paths = PACKED.parse(JSON.parse(text)).flatMap(({ files }) => files.map(({ path }) => path));
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'src/client.ts', 'LICENSE']));
    const allowed =
      /^(dist|src|scripts|docs|deploy)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md|Dockerfile|docker-compose\.yml|tsconfig(\.build)?\.json|\.env\.example)$/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
    expect(paths.join('\n')).not.toContain(basename(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
