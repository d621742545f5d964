/** The SELECT statements that pages of Markdown show: in `sql` blocks, and as the argument of `query` or `echo`. */
export function documentedQueries(pages: readonly string[]): string[] {
  const found = pages.flatMap((text) => [
    ...[...text.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.split(';')),
    ...[...text.matchAll(/(?:query|echo) "(SELECT[^"]+)"/g)].map(([, query = '']) => query),
  ]);
  const queries = found
    .map((query) => query.trim().replaceAll(/\s+/g, ' '))
    .filter((query) => /^(SELECT|WITH) /i.test(query));
  return [...new Set(queries)];
}
