import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { TEMPORAL_CLI_VERSION } from './pinned.js';

const CONNECT_MS = 10_000;
const TRANSFER_MS = 300_000;

const ORIGIN = 'https://temporal.download';
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Downloads the CLI's release archive from Temporal's own host into `folder`. What comes out of it is not checked here.
 * @throws Error when the host cannot be reached, or the archive does not unpack.
 */
export async function downloadCli(folder: string, origin = ORIGIN): Promise<string> {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  // Never the newest one: nobody has seen it work here.
  const response = await get(
    `${origin}/cli/archive/v${TEMPORAL_CLI_VERSION}?platform=${process.platform}&arch=${architecture}`,
  );
  if (!response.ok || response.body === null) throw new Error(`${response.url} answered ${response.status}`);
  const archive = join(folder, 'archive');
  await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), {
    signal: AbortSignal.timeout(TRANSFER_MS),
  });
  // One member and no other: nobody has looked into the archive yet.
  await promisify(execFile)('tar', ['-xf', archive, '-C', folder, 'temporal'], { timeout: 60_000 });
  return join(folder, 'temporal');
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
