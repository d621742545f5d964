import { z } from 'zod';

/** What a baseline process is to do; its only argument, as JSON. */
export const specSchema = z.object({
  /**
   * - `loop`: fetch, insert, one after the other
   * - `overlap`: the next pages are fetched while a block is stored
   * - `fetch`: the requests alone, nothing is parsed
   * - `insert`: rows that are ready in a file
   * - `prepare`: writes that file, once in each form
   * - `poll`: `loop` every second, until it is killed
   */
  kind: z.enum(['loop', 'overlap', 'fetch', 'insert', 'prepare', 'poll']),
  resource: z.enum(['logs', 'users', 'clients']),
  /** Users: from the export file, or up to 1,000 by page. */
  usersBy: z.enum(['export', 'pages']),
  origin: z.string(),
  clickhouseUrl: z.string(),
  database: z.string(),
  tenant: z.string(),
  pagesPerInsert: z.number().int(),
  rowsPerInsert: z.number().int(),
  /** File of `insert` and `prepare`, and how many times `insert` sends it. */
  file: z.string(),
  repeat: z.number().int(),
  /** Form of the rows in the file: a line of JSON each, or blocks as the worker sends them. */
  form: z.enum(['json', 'native']),
  /** Share of the rate limit that is left free. */
  headroom: z.number(),
});
export type BaselineSpec = z.infer<typeof specSchema>;
