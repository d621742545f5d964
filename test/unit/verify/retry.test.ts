import { describe, expect, it } from 'vitest';
import { type ErrorKind, ExtractError } from '../../../src/contracts/errors.js';
import { createRetry } from '../../../src/verify/retry.js';

function failing(kind: ErrorKind, times: number) {
  const waits: number[] = [];
  const controller = new AbortController();
  const retry = createRetry({
    firstWaitMs: 1,
    signal: controller.signal,
    say: (_tries, _error, wait) => waits.push(wait),
  });
  let tries = 0;
  const run = () =>
    retry(async () => {
      tries++;
      if (tries <= times) throw new ExtractError(kind, `try ${tries}`);
      return 'done';
    });
  return { run, waits, controller, tries: () => tries };
}

describe('retries outside of workflows', () => {
  it('go on until it works, with waits that double', async () => {
    const { run, waits } = failing('TenantUnavailable', 7);
    await expect(run()).resolves.toBe('done');
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });

  it('end after eight tries with the last error', async () => {
    const { run, tries } = failing('TenantUnavailable', 99);
    await expect(run()).rejects.toThrow('try 8');
    expect(tries()).toBe(8);
  });

  it('are not made where none can help, nor for an error that is not ours', async () => {
    const { run, tries } = failing('InsufficientScope', 99);
    await expect(run()).rejects.toThrow('try 1');
    expect(tries()).toBe(1);
    let bugs = 0;
    const retry = createRetry({ firstWaitMs: 1, signal: new AbortController().signal, say: () => {} });
    await expect(
      retry(async () => {
        bugs++;
        throw new TypeError('a bug');
      }),
    ).rejects.toThrow('a bug');
    expect(bugs).toBe(1);
  });

  it('end with the reason of an abort, in the middle of a wait too', async () => {
    const controller = new AbortController();
    const retry = createRetry({
      firstWaitMs: 60_000,
      signal: controller.signal,
      say: () => controller.abort(new Error('Ctrl-C')),
    });
    await expect(
      retry(async () => {
        throw new ExtractError('TenantUnavailable', 'away');
      }),
    ).rejects.toThrow('Ctrl-C');
  });

  it('wait as long as the answer asks', async () => {
    const waits: number[] = [];
    const controller = new AbortController();
    const retry = createRetry({
      firstWaitMs: 1,
      signal: controller.signal,
      say: (_tries, _error, wait) => {
        waits.push(wait);
        controller.abort(new Error('seen'));
      },
    });
    await expect(
      retry(async () => {
        throw new ExtractError('RateLimited', 'slow down', {}, { retryAfterMs: 4_500 });
      }),
    ).rejects.toThrow('seen');
    expect(waits).toEqual([4_500]);
  });
});
