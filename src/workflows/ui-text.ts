import type { ShownPause } from '../contracts/control.js';
import { windowText } from '../contracts/log-window.js';
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
  return fitSummary(`${nameOf(progress)}, page ${progress.pages + 1} on: ${grouped(progress.rows)} rows so far`);
}

/** What a run copies: `logs`, or for a backfill `logs 2026-11-01..2026-11-04`. */
export function nameOf({ resource, window }: Pick<Progress, 'resource' | 'window'>): string {
  return window === null ? resource : `${resource} ${windowText(window)}`;
}

/** The run's current details in the UI, as markdown. */
export function details(progress: Progress): string {
  const { phase, mode, rows, pages, requests, total, cursor, gaps, warnings, paused, percent, window, held } = progress;
  const of = total === null ? '' : ` of ${grouped(total)}`;
  const lines = [
    `**${nameOf(progress)}**: ${phase}${mode === null ? '' : ` (${mode})`}`,
    '',
    ...(paused === null ? [] : [pausedLine(paused)]),
    ...(window === null || percent === null
      ? []
      : [`- ${percent} % of the interval; held before: ${grouped(held ?? 0)}`]),
    `- rows: ${grouped(rows)}${of}`,
    `- pages: ${grouped(pages)}, requests: ${grouped(requests)}`,
    `- cursor: ${cursor === null ? 'at the start' : `\`${cursor}\``}`,
    ...(gaps > 0 ? [`- **gaps: ${gaps}** (table \`pipeline_gaps\`)`] : []),
    ...warnings.map((warning) => `- **warning**: ${warning}`),
  ];
  return lines.join('\n');
}

/** The reason is somebody's own text: it stands in code, so that it stays text. */
function pausedLine({ since, reason, settled }: ShownPause): string {
  const why = reason === null ? '' : `: \`${reason.replaceAll('`', "'").replaceAll(/\s+/g, ' ')}\``;
  return `- **${settled ? 'paused' : 'pausing, the pages in flight are stored first'}** since ${since}${why}`;
}

/** A number with thousands separators; `toLocaleString` depends on the machine's locale, which replay must not. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
