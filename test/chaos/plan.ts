import type { ActivityStep } from '../../src/activities/deps.js';
import type { FaultRule } from '../../src/emulator/faults.js';
import { fraction } from '../../src/emulator/random.js';

/** The processes that are killed from outside. */
export const VICTIMS = ['worker', 'temporal', 'clickhouse', 'tenant'] as const;
export type VictimName = (typeof VICTIMS)[number];

/** The steps of an activity at which the worker kills itself. */
export const STEPS = ['fetched', 'inserted', 'checkpointed', 'completing'] as const satisfies readonly ActivityStep[];

/** The worker's end at the n-th time that an activity reaches a step. */
export interface StepKill {
  step: ActivityStep;
  nth: number;
}

/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  shuffled<T>(items: readonly T[]): T[];
}

/** A source of such numbers; sources with different salts have nothing in common. */
export function createRandom(seed: number, salt: number): Random {
  let drawn = 0;
  const next = (): number => fraction(seed, drawn++, salt);
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    between,
    chance: (probability) => next() < probability,
    shuffled(items) {
      return items
        .map((item) => ({ item, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item);
    },
  };
}

/** What one lane has to do: it takes what is done off these lists. */
export interface LanePlan {
  /** Kills from outside, in their order. */
  kills: VictimName[];
  steps: StepKill[];
  random: Random;
}

/**
 * Deals the kills out to lanes: every four in a row hold each victim once, in any order. `late`: how often a step may
 * be reached before it is deadly.
 */
export function makePlans(options: {
  seed: number;
  lanes: number;
  kills: number;
  stepKills: number;
  late: number;
}): LanePlan[] {
  const { seed, lanes, kills, stepKills, late } = options;
  const random = createRandom(seed, 1);
  const plans = Array.from({ length: lanes }, (_, lane): LanePlan => {
    return { kills: [], steps: [], random: createRandom(seed, 100 + lane) };
  });
  const planOf = (turn: number) => plans[turn % lanes];
  for (let hand = 0; hand < kills; hand++) planOf(hand)?.kills.push(...random.shuffled(VICTIMS));
  const steps = Array.from({ length: stepKills }, () => random.shuffled(STEPS)).flat();
  steps.forEach((step, turn) => {
    // Pages are many; blocks and ends of activities are few.
    const nth = random.between(1, step === 'fetched' ? late * 4 : late);
    planOf(turn)?.steps.push({ step, nth });
  });
  return plans;
}

/** The share of all requests that meet a fault. */
export const FAULT_SHARE = 0.2;

/** The faults of a tenant in trouble: a fifth of all requests meets one of them, each kind equally often. */
export function faultRules(): FaultRule[] {
  const rules: Omit<FaultRule, 'probability'>[] = [
    { action: { status: 429, headers: { 'retry-after': '1' } } },
    { action: { status: 503 } },
    // Carried out, and the answer is lost: an export job may have been made that nobody knows of.
    { action: 'reset', afterHandling: true },
    { action: 'hang' },
    { action: 'truncate' },
  ];
  // A rule draws only where the ones before it have not fired.
  const probability = 1 - (1 - FAULT_SHARE) ** (1 / rules.length);
  return rules.map((rule) => ({ ...rule, probability }));
}
