/** What the machine itself lacks, by the code of a failed system call: what it means, and what to do. */
const FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'its disk is full: free some space',
  EDQUOT: 'the disk quota is used up: free some space, or raise the quota',
  EFBIG: 'no file may grow that large: raise the limit (ulimit -f)',
  EMFILE: 'this process may not open more files: raise the limit (ulimit -n), 1024 are enough',
  ENFILE: 'this machine has no more files to open: end something else, or raise its limit (fs.file-max)',
  EAGAIN: 'no more processes or threads may be started: raise the limit (ulimit -u)',
  ENOMEM: 'there is no memory left: end something else',
  EROFS: 'it lies on a file system that is mounted read-only: choose another folder',
  EACCES: 'this user may not write there: choose another folder, or change its owner',
  EPERM: 'this user may not do that there: choose another folder, or change its owner',
  ENOTDIR: 'it is a file and no folder: choose another one',
  EIO: 'the disk has failed: look at the system log',
};

/** What to do about an error of the operating system; undefined for any other error. */
export function systemFailure(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return Object.hasOwn(FAILURES, code) ? FAILURES[code] : undefined;
}

const FULL =
  /No space left on device|NOT_ENOUGH_SPACE|database or disk is full|Disk quota exceeded|File too large|\bENOSPC\b|\bEDQUOT\b|\bEFBIG\b|Cannot reserve .* not enough space/i;

/** Whether a program has said in a line of its output that it cannot write any more. */
export function saysDiskFull(line: string): boolean {
  return FULL.test(line);
}
