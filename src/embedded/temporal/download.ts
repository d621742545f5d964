import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

/** The version that is fetched: Server 1.32.0, UI 2.54.1. One on PATH may differ. */
export const TEMPORAL_CLI_VERSION = '1.9.1';

const CONNECT_MS = 10_000;
const TRANSFER_MS = 300_000;

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Downloads the CLI's release archive from Temporal's own host into `folder`.
 * @throws Error when the host cannot be reached, has no build for this machine, or the archive does not unpack.
 */
export async function downloadCli(folder: string): Promise<string> {
  const platform = PLATFORMS[process.platform];
  const architecture = ARCHITECTURES[process.arch];
  if (platform === undefined || architecture === undefined) {
    throw new Error(`there is no build for ${process.platform} ${process.arch}`);
  }
  const url = (version: string): string =>
    `https://temporal.download/cli/archive/${version}?platform=${platform}&arch=${architecture}`;
  // Never the newest one: nobody has seen it work here.
  const response = await get(url(`v${TEMPORAL_CLI_VERSION}`));
  if (!response.ok || response.body === null) throw new Error(`${response.url} answered ${response.status}`);
  const archive = join(folder, 'archive');
  await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), {
    signal: AbortSignal.timeout(TRANSFER_MS),
  });
  // tar reads .tar.gz everywhere, and the one on Windows reads .zip too.
  await promisify(execFile)('tar', ['-xf', archive, '-C', folder], { timeout: 60_000 });
  return join(folder, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
}

async function get(url: string): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), CONNECT_MS);
  try {
    return await fetch(url, { signal: patience.signal });
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new Error(`${new URL(url).host} cannot be reached: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
