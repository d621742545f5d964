import { userInfo } from 'node:os';

/** Who runs this command, as the system knows it: written down where somebody decides something. */
export function whoAmI(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
