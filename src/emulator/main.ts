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
  const asked = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  // Whoever has been told that it is ready may ask it to stop at once.
  whenStarted(emulator);
  await asked;
  await emulator.close();
}
