import { fileURLToPath } from 'node:url';

/** The clone: this file runs as bench/.cache/build/bench/parts/paths.js. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Everything that a benchmark may keep between runs; not part of the repository. */
export const CACHE = `${ROOT}bench/.cache`;

/** A file of the built program. */
export const built = (name: string): string => `${ROOT}dist/${name}`;

/** A compiled file of bench/. */
export const benchFile = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
