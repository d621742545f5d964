import { decideFault, type FaultCount, type FaultRoute, type FaultRule } from './faults.js';

/** Holds the fault rules and their counts. */
export class FaultSwitch {
  readonly #seed: number;
  #rules: readonly FaultRule[] = [];
  #counts: readonly FaultCount[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The rules with what they have met. */
  get report(): readonly (FaultRule & FaultCount)[] {
    return this.#rules.map((rule, index) => ({ ...rule, ...(this.#counts[index] ?? { seen: 0, fired: 0 }) }));
  }

  /** Adds rules behind those that are there. */
  install(rules: readonly FaultRule[]): void {
    this.#rules = [...this.#rules, ...rules];
  }

  /** Forgets all rules. */
  clear(): void {
    this.#rules = [];
    this.#counts = [];
  }

  /** The rule that the next request of a route meets. */
  next(route: FaultRoute | undefined): FaultRule | undefined {
    const { rule, counts } = decideFault(this.#rules, this.#counts, route, this.#seed);
    this.#counts = counts;
    return rule;
  }
}
