import { z } from 'zod';
import { spawnChild } from '../../src/embedded/child-process.js';
import type { ProcessUse } from '../lib/report.js';
import { bareEnvironment } from './environment.js';
import { readyLine } from './stack.js';

/** What a program reports about itself in one line of JSON. */
export interface ProgramResult {
  metrics: Record<string, number>;
  use: ProcessUse;
}

const resultSchema = z.object({
  event: z.literal('result'),
  metrics: z.record(z.string(), z.number()),
  use: z.object({ peakMb: z.number().nullable(), cpuSeconds: z.number().nullable() }),
});

const STOP_MS = 2_000;

/** Runs a program to its end in a process of its own. Throws with its last words when it reports no result. */
export async function runProgram(
  name: string,
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Record<string, string> = {},
): Promise<ProgramResult> {
  signal.throwIfAborted();
  const child = await spawnChild({ name, command, args, env: { ...bareEnvironment(), ...env } });
  const stop = (): void => void child.stop(STOP_MS);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { metrics, use } = await readyLine(child, resultSchema, 600_000);
    return { metrics, use };
  } finally {
    signal.removeEventListener('abort', stop);
    await child.stop(STOP_MS);
  }
}
