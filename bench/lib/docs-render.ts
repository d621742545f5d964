import { arithmeticTables } from './arithmetic.js';
import { judge } from './judge.js';
import { caseTables, verdictTable } from './render.js';
import type { BenchReport, CaseReport } from './report.js';
import { markdownTable, shown } from './table.js';

const SECTION = /(<!-- bench:([a-z0-9-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g;

/**
 * A page with the figures of a report between its markers `<!-- bench:NAME -->` and `<!-- /bench -->`. NAME is a case,
 * `goals`, `machine` or `arithmetic`. A case that was not measured keeps what stands there. Throws on an unknown name.
 */
export function renderInto(page: string, report: BenchReport, known: readonly string[]): string {
  return page.replaceAll(SECTION, (whole: string, begin: string, name: string, end: string) => {
    const text = sectionOf(name, report, known);
    return text === undefined ? whole : `${begin}\n${text}\n\n${end}`;
  });
}

function sectionOf(name: string, report: BenchReport, known: readonly string[]): string | undefined {
  switch (name) {
    case 'goals':
      return markdownTable(verdictTable(judge(report.cases)));
    case 'machine':
      return machineText(report);
    case 'arithmetic':
      return arithmeticTables(report.cases).map(markdownTable).join('\n\n');
  }
  const measured = report.cases.find(({ id }) => id === name);
  if (measured !== undefined) return caseText(measured);
  if (!known.includes(name)) throw new Error(`docs/performance.md has a marker for "${name}", which is no case`);
  return undefined;
}

function caseText(report: CaseReport): string {
  const incomplete =
    report.error === null ? [] : ['This measurement did not come to its end: subjects or runs are missing.'];
  const command = `\`npm run bench -- --cases ${report.id}\``;
  const when = `${report.startedAt.slice(0, 10)}, ${shown(report.seconds)} s, ${report.busyBefore.toFixed(1)} processors busy with other work at its begin`;
  return [
    `${report.title}. ${command} (${when})`,
    ...caseTables(report).map(markdownTable),
    ...report.notes,
    ...incomplete,
  ].join('\n\n');
}

function machineText({ machine }: BenchReport): string {
  const { cpu, cores, memoryMb, platform, node, version } = machine;
  return `${cores} processors (${cpu}), ${shown(Math.round(memoryMb / 1024))} GB, ${platform}, Node ${node}, version ${version}.`;
}
