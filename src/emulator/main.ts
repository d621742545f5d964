import { startEmulator, type Emulator } from './emulator.js';
import type { EmulatorOptions } from './options.js';

export { emulatorDefaults, type EmulatorOptions } from './options.js';
export type { ClientKey } from './client-assertion.js';
export { startEmulator, type Emulator } from './emulator.js';
export type { EmulatorStats } from './stats.js';

/**
 * Runs an emulated tenant until the process is asked to stop (SIGINT or SIGTERM), then closes it. `whenStarted` gets the running
 * tenant. Rejects as {@link startEmulator} does.
 */
export async function runEmulator(options: EmulatorOptions, whenStarted: (emulator: Emulator) => void): Promise<void> {
  const emulator = await startEmulator(options);
  whenStarted(emulator);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await emulator.close();
}
