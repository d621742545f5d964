/** What the emulator has met since its start or the last reset. */
export interface EmulatorStats {
  /** Answers by route and status; `0` counts connections that were closed or left without an answer. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly tokensMinted: number;
  readonly exportsCreated: number;
  readonly faultsFired: number;
  /** Requests under way at once, at most; admin requests do not count. */
  readonly maxConcurrent: number;
}

/** Counts what happens. */
export class StatsCounter {
  #requests: Record<string, Record<string, number>> = {};
  #tokensMinted = 0;
  #exportsCreated = 0;
  #faultsFired = 0;
  #concurrent = 0;
  #maxConcurrent = 0;

  /** The counts so far. */
  get snapshot(): EmulatorStats {
    return {
      requests: structuredClone(this.#requests),
      tokensMinted: this.#tokensMinted,
      exportsCreated: this.#exportsCreated,
      faultsFired: this.#faultsFired,
      maxConcurrent: this.#maxConcurrent,
    };
  }

  /** Forgets all counts; requests under way stay known. */
  reset(): void {
    this.#requests = {};
    this.#tokensMinted = 0;
    this.#exportsCreated = 0;
    this.#faultsFired = 0;
    this.#maxConcurrent = this.#concurrent;
  }

  requestStarted(): void {
    this.#concurrent++;
    this.#maxConcurrent = Math.max(this.#maxConcurrent, this.#concurrent);
  }

  requestEnded(): void {
    this.#concurrent--;
  }

  answered(route: string, status: number): void {
    const statuses = (this.#requests[route] ??= {});
    statuses[status] = (statuses[status] ?? 0) + 1;
  }

  tokenMinted(): void {
    this.#tokensMinted++;
  }

  exportCreated(): void {
    this.#exportsCreated++;
  }

  faultFired(): void {
    this.#faultsFired++;
  }
}
