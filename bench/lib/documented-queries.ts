/** A statement of the documentation, under the heading that it stands below. */
export interface DocumentedQuery {
  name: string;
  query: string;
}

/** The tenant that the documentation's statements ask for. */
const EXAMPLE_TENANT = "tenant = 'acme.eu'";

/**
 * The SELECT statements that pages of Markdown show, in `sql` blocks and as the argument of `query` or `echo`, made to
 * ask for a tenant that is there.
 */
export function documentedQueries(pages: readonly string[], tenant: string): DocumentedQuery[] {
  const found = new Map<string, string>();
  for (const text of pages) {
    let heading = '';
    for (const [, title, block, argument] of text.matchAll(
      /^#{2,4} (.+)$|^```sql\n([\s\S]*?)^```|(?:query|echo) "(SELECT[^"]+)"/gm,
    )) {
      if (title !== undefined) heading = title;
      for (const statement of (block ?? argument ?? '').split(';')) {
        const query = statement.trim().replaceAll(/\s+/g, ' ');
        if (/^(SELECT|WITH) /i.test(query) && !found.has(query)) found.set(query, heading);
      }
    }
  }
  return [...found].map(([query, heading]) => ({
    name: query.length <= 60 ? query : heading,
    query: query.replaceAll(EXAMPLE_TENANT, `tenant = '${tenant}'`).replaceAll('auth0.', ''),
  }));
}
