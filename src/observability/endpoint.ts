/** Longest word that is kept: those of the API have up to 24 letters. */
const LONGEST_WORD = 30;

/**
 * The endpoint of a path as a label: `/api/v2/jobs/job_1x` is `jobs/:id`. Ids never get into it, however a path is made:
 * only plain lower-case words are kept.
 */
export function endpointOf(path: string): string {
  const [route = ''] = path.split('?');
  return route
    .replace(/^\/api\/v2\//, '')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part.length <= LONGEST_WORD && /^[a-z]+(-[a-z]+)*$/.test(part) ? part : ':id'))
    .join('/');
}

/** The status of an answer as a label: 429 is told apart, no answer is `none`. */
export function statusLabel(status: number | null): string {
  if (status === null) return 'none';
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}
