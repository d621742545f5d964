import { z } from 'zod';

import { fraction } from './random.js';

const FAULT_SALT = 91;

/** Routes that faults can be put on. */
export const FAULT_ROUTES = [
  'token',
  'users',
  'user',
  'users-exports',
  'job',
  'download',
  'clients',
  'logs',
  'log',
  'roles',
  'organizations',
  'organization_members',
  'objects',
] as const;

/** Route that a fault can be put on. */
export type FaultRoute = (typeof FAULT_ROUTES)[number];

const actionSchema = z.union([
  /** Close the connection at once, without an answer. */
  z.literal('reset'),
  /** Never answer; the connection stays open. */
  z.literal('hang'),
  /** Announce the whole body, send half of it, and close the connection. */
  z.literal('truncate'),
  /** A gateway's error page: 502 and HTML. */
  z.literal('html'),
  /** As `truncate`, after so many bytes. */
  z.strictObject({ truncateAfterBytes: z.int().min(0) }),
  /** Answer as always, so much later. */
  z.strictObject({ delayMs: z.number().min(0) }),
  /** Another answer: a string is sent as it is, anything else as JSON. */
  z.strictObject({
    status: z.int().min(200).max(599),
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
]);

/** One rule: which requests it meets, and what happens to them. A request meets the first rule that fires. */
export const faultRuleSchema = z.strictObject({
  /** Only requests of this route; all routes when absent. */
  route: z.enum(FAULT_ROUTES).optional(),
  /** Only the nth such request after the rule was installed, from 1. */
  nth: z.int().min(1).optional(),
  /** Only each so-manieth such request. */
  every: z.int().min(1).optional(),
  /** Only this part of the requests, drawn from the seed. */
  probability: z.number().min(0).max(1).optional(),
  /** Fire at most so often. */
  times: z.int().min(1).optional(),
  /** Carry the request out first, then answer with the fault, as when an answer gets lost on its way. */
  afterHandling: z.boolean().optional(),
  action: actionSchema,
});

/** What happens to a request that a rule meets. */
export type FaultAction = z.infer<typeof actionSchema>;

/** One fault rule. */
export type FaultRule = z.infer<typeof faultRuleSchema>;

/** What one rule has met. */
export interface FaultCount {
  /** Requests on its route. */
  readonly seen: number;
  /** Times it fired. */
  readonly fired: number;
}

/** Decision about one request. */
export interface FaultDecision {
  readonly rule: FaultRule | undefined;
  /** The counts after this request, one for each rule. */
  readonly counts: readonly FaultCount[];
}

/**
 * Decides which rule a request meets. Every rule of the route counts the request, also when an earlier one fires. `route` is
 * undefined for requests that faults cannot be put on.
 */
export function decideFault(
  rules: readonly FaultRule[],
  counts: readonly FaultCount[],
  route: FaultRoute | undefined,
  seed: number,
): FaultDecision {
  if (route === undefined || rules.length === 0) return { rule: undefined, counts };
  let met: FaultRule | undefined;
  const next = rules.map((rule, index) => {
    const { seen, fired } = counts[index] ?? { seen: 0, fired: 0 };
    if (rule.route !== undefined && rule.route !== route) return { seen, fired };
    const fires = met === undefined && matches(rule, index, seen + 1, fired, seed);
    if (fires) met = rule;
    return { seen: seen + 1, fired: fires ? fired + 1 : fired };
  });
  return { rule: met, counts: next };
}

function matches(rule: FaultRule, index: number, number: number, fired: number, seed: number): boolean {
  if (rule.times !== undefined && fired >= rule.times) return false;
  if (rule.nth !== undefined && rule.nth !== number) return false;
  if (rule.every !== undefined && number % rule.every !== 0) return false;
  return rule.probability === undefined || fraction(seed, number, FAULT_SALT + index) < rule.probability;
}
