import type { Progress } from '../contracts/types.js';

/** Older servers refuse a summary above 200 bytes. */
const SUMMARY_BYTES = 200;

/** A summary that fits; what is cut off ends in an ellipsis. */
export function fitSummary(text: string): string {
  const bytes = new TextEncoder();
  if (bytes.encode(text).length <= SUMMARY_BYTES) return text;
  let end = SUMMARY_BYTES;
  while (bytes.encode(`${text.slice(0, end)}…`).length > SUMMARY_BYTES) end--;
  return `${text.slice(0, end)}…`;
}

/** Summary of a page activity, e.g. `logs, page 21 on: 2,000 rows so far`. */
export function pagesSummary(progress: Progress): string {
  return fitSummary(`${progress.resource}, page ${progress.pages + 1} on: ${grouped(progress.rows)} rows so far`);
}

/** The run's current details in the UI, as markdown. */
export function details(progress: Progress): string {
  const { resource, phase, mode, rows, pages, requests, total, cursor, gaps, warnings } = progress;
  const of = total === null ? '' : ` of ${grouped(total)}`;
  const lines = [
    `**${resource}**: ${phase}${mode === null ? '' : ` (${mode})`}`,
    '',
    `- rows: ${grouped(rows)}${of}`,
    `- pages: ${grouped(pages)}, requests: ${grouped(requests)}`,
    `- cursor: ${cursor === null ? 'at the start' : `\`${cursor}\``}`,
    ...(gaps > 0 ? [`- **gaps: ${gaps}** (table \`pipeline_gaps\`)`] : []),
    ...warnings.map((warning) => `- **warning**: ${warning}`),
  ];
  return lines.join('\n');
}

/** A number with thousands separators; `toLocaleString` depends on the machine's locale, which replay must not. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
