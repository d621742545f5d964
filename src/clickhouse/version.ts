import { ExtractError } from '../contracts/errors.js';

/**
 * Oldest server that is written to: the oldest on which all our statements were seen to work, inserts and views included.
 * Older ones were not measured (`npm run old-engines`).
 */
export const MIN_VERSION = '23.10';

/** Order of two versions such as `26.7.2.1`, number by number; null where one of them is none. */
export function compareVersions(a: string, b: string): number | null {
  const [x, y] = [partsOf(a), partsOf(b)];
  if (x === null || y === null) return null;
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): number[] | null {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(version);
  return match?.[1]?.split('.').map(Number) ?? null;
}

/** Throws ExtractError (DestinationTooOld) for a server below {@link MIN_VERSION}. A version that cannot be read passes. */
export function refuseOldServer(version: string): void {
  const order = compareVersions(version, MIN_VERSION);
  if (order === null || order >= 0) return;
  throw new ExtractError('DestinationTooOld', `ClickHouse ${version} is too old: ${MIN_VERSION} or later is needed`);
}
