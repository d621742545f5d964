import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** A fenced block of SQL in a page. */
export interface SqlBlock {
  /** The nearest heading above it. */
  heading: string;
  sql: string;
}

/**
 * The ```sql blocks of a page in their order. What is no query for a reader's own data, such as a GRANT, is marked
 * by a word behind the language (```sql grant) and told apart by it.
 */
export function sqlBlocks(file: string, mark = ''): SqlBlock[] {
  const found: SqlBlock[] = [];
  let heading = '';
  let lines: string[] | undefined;
  let wanted = false;
  for (const line of readFileSync(new URL(file, root), 'utf8').split('\n')) {
    const fence = /^ *```(.*)$/.exec(line);
    if (fence && lines) {
      if (wanted) found.push({ heading, sql: lines.join('\n') });
      lines = undefined;
    } else if (fence) {
      lines = [];
      wanted = fence[1] === ['sql', mark].filter((word) => word !== '').join(' ');
    } else if (lines) {
      lines.push(line);
    } else {
      heading = /^#+ (.+)$/.exec(line)?.[1] ?? heading;
    }
  }
  return found;
}
