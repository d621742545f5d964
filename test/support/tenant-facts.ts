import { readFileSync } from 'node:fs';

/** A log as a question sees it: what is absent or null is ''. */
export interface LogFact {
  id: string;
  /** ms since 1970. */
  date: number;
  type: string;
  text(...path: string[]): string;
  flag(name: string): boolean;
}

type Json = Record<string, unknown>;

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The string at a path, '' where there is none. */
export function textAt(record: unknown, path: readonly string[]): string {
  let here: unknown = record;
  for (const name of path) here = isJson(here) ? here[name] : undefined;
  return typeof here === 'string' ? here : '';
}

/** The facts of a log's JSON text. */
export function logFact(raw: string): LogFact {
  const record: unknown = JSON.parse(raw);
  return {
    id: textAt(record, ['log_id']),
    date: Date.parse(textAt(record, ['date'])),
    type: textAt(record, ['type']),
    text: (...path) => textAt(record, path),
    flag: (name) => isJson(record) && record[name] === true,
  };
}

/** Categories of log types as the program ships them. */
export function logTypes(): Map<string, { event: string; category: string }> {
  const csv = readFileSync(new URL('../../src/clickhouse/log-types.csv', import.meta.url), 'utf8');
  const row = /^([^,]*),("[^"]*"|[^,]*),([^,]*),/;
  return new Map(
    csv
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [, type = '', event = '', category = ''] = row.exec(line) ?? [];
        return [type, { event: event.replaceAll('"', ''), category }];
      }),
  );
}

/** An instant as ClickHouse prints a DateTime64(3). */
export const clickhouseTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);

/** Items by a key, in the order in which the keys appear. */
export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
