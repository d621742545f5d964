import { createHash } from 'node:crypto';
import type { RawRecord } from '../../json/page.js';

/**
 * A short digest of a page's records. It stands in the cursor in place of their ids, so that a server that ignores
 * the page number and repeats itself is noticed without keeping ids in a workflow's history.
 */
export function pageDigest(records: readonly RawRecord[]): string {
  const hash = createHash('sha256');
  for (const { raw } of records) hash.update(raw).update('\n');
  return hash.digest('base64url').slice(0, 16);
}

/** A short digest of one text. */
export function textDigest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
