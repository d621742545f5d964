/** Things to be ended in the reverse order of their start, whatever happens. */
export interface Scope {
  defer(end: () => Promise<unknown>): void;
  close(): Promise<void>;
}

/** A scope that holds nothing yet. */
export function openScope(): Scope {
  const ends: (() => Promise<unknown>)[] = [];
  return {
    defer(end) {
      ends.push(end);
    },
    async close() {
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end().catch(() => undefined);
    },
  };
}

/** Waits for a promise, but not beyond an abort. Throws the signal's reason. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    // Left behind by an abort, it must not count as unhandled.
    work.catch(() => undefined);
  }
}
