import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** A line that the worker has logged. */
export interface LogLine {
  time: string;
  level: string;
  message: string;
  /** What else stands in it. */
  fields: Record<string, unknown>;
}

/** Whose lines are meant. The workflow id is a lock: while the run went on, nothing else ran under it. */
export interface LoggedRun {
  runId: string;
  workflowId: string;
  /** ms since 1970; `to` null: it goes on. */
  from: number;
  to: number | null;
}

/** The newest lines that are kept; a run that is tried again for days can have logged a million. */
const MOST_LINES = 500;
/** A line can be written a little before the run counts as begun, and after it counts as ended. */
const SLACK_MS = 2_000;

/** The worker's log of a data folder; null where it has none. */
export function workerLogOf(dataDir: string): string | null {
  const file = join(resolve(dataDir), 'logs', 'worker.log');
  return existsSync(file) ? file : null;
}

/** The lines of a run, the newest ones where there are many. */
export async function readRunLog(file: string, run: LoggedRun): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const line = lineOf(text, run);
    if (line === null) continue;
    lines.push(line);
    if (lines.length > MOST_LINES) lines.shift();
  }
  return lines;
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

const logged = z.looseObject({
  time: z.string(),
  level: z.number(),
  msg: z.string().default(''),
  runId: z.string().optional(),
  workflowId: z.string().optional(),
});

/** Null: the line is no part of the run. */
export function lineOf(text: string, run: LoggedRun): LogLine | null {
  if (!text.includes(run.runId) && !text.includes(run.workflowId)) return null;
  const parsed = logged.safeParse(jsonOf(text));
  if (!parsed.success) return null;
  const { time, level, msg, runId, workflowId, ...fields } = parsed.data;
  const at = Date.parse(time);
  const within = at >= run.from - SLACK_MS && at <= (run.to ?? Infinity) + SLACK_MS;
  if (runId !== run.runId && !(workflowId === run.workflowId && within)) return null;
  return { time, level: LEVELS[level] ?? String(level), message: msg, fields };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
