/** A queue that keeps order and lets at most `width` tasks run at once. */
export interface Lane {
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
}

/**
 * Every statement occupies a libuv thread, also while it merely waits inside the engine: eight at once held
 * `fs.readFile` for five seconds. So they wait here, in JavaScript.
 */
export function createLane(width: number): Lane {
  const waiting: (() => void)[] = [];
  const watchers: (() => void)[] = [];
  let running = 0;

  const release = (): void => {
    const next = waiting.shift();
    if (next !== undefined) return next();
    running -= 1;
    if (running === 0) for (const resolve of watchers.splice(0)) resolve();
  };

  return {
    async run(task) {
      if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await task();
      } finally {
        release();
      }
    },
    async idle() {
      if (running > 0) await new Promise<void>((resolve) => watchers.push(resolve));
    },
  };
}
