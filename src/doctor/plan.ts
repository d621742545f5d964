import { RESOURCES, type ResourceName } from '../contracts/names.js';

/** What the answers say of the tenant's rate limit: the size of its bucket, and how full it is. */
export interface SeenLimit {
  limit: number;
  remaining: number | null;
}

/** Sizes of the bucket that the plans have for the whole API. Private clouds: what they are sold by, in requests a second. */
const GLOBAL_PLANS = new Map([
  [2, 'Free'],
  [10, 'Enterprise, not production'],
  [20, 'a private cloud for development'],
  [50, 'Enterprise production, or a private cloud of 100 requests a second'],
  [250, 'a private cloud of 500 requests a second'],
  [750, 'a private cloud of 1,500 requests a second'],
  [1_500, 'a private cloud of 3,000 requests a second'],
  [3_000, 'a private cloud of 6,000 requests a second'],
  [5_000, 'a private cloud of 10,000 requests a second'],
]);

/** Essentials and Professional have one limit an endpoint: bursts, and requests a minute of logs. */
const PER_ENDPOINT: Readonly<Record<ResourceName, number>> = { logs: 10, users: 40, clients: 5 };

/**
 * The plan that the limits of the answers belong to, as a guess; null where no plan has them.
 * https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
 */
export function planOf(limits: Partial<Record<ResourceName, SeenLimit>>): string | null {
  const seen = RESOURCES.flatMap((resource) => {
    const size = limits[resource]?.limit;
    return size === undefined ? [] : [{ resource, size }];
  });
  const sizes = new Set(seen.map(({ size }) => size));
  const [only] = sizes;
  if (only === undefined) return null;
  const perEndpoint = seen.every(({ resource, size }) => PER_ENDPOINT[resource] === size);
  const global = sizes.size === 1 ? (GLOBAL_PLANS.get(only) ?? null) : null;
  if (!perEndpoint) return global;
  // Where one endpoint alone was asked, a plan with the same limit for all cannot be told apart.
  return global === null ? 'Essentials or Professional' : `Essentials, Professional or ${global}`;
}

/** Reads the limit that an answer names. Null where it names none. */
export function readLimit(headers: Headers): SeenLimit | null {
  const limit = Number(headers.get('x-ratelimit-limit') ?? Number.NaN);
  if (!Number.isFinite(limit) || limit <= 0) return null;
  const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
  return { limit, remaining: Number.isFinite(remaining) ? remaining : null };
}
