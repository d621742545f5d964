import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { renderInto } from './lib/docs-render.js';
import type { BenchReport } from './lib/report.js';
import { ROOT } from './parts/paths.js';

const PAGE = `${ROOT}docs/performance.md`;

/** Writes the figures of a report into docs/performance.md, formatted as the rest of the repository. */
export async function writeDocs(report: BenchReport, known: readonly string[]): Promise<void> {
  const page = renderInto(await readFile(PAGE, 'utf8'), report, known);
  const style = await resolveConfig(PAGE);
  await writeFile(PAGE, await format(page, { ...style, parser: 'markdown' }));
}
