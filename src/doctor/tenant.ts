import { z } from 'zod';
import { classifyNetworkError } from '../auth0/classify.js';
import type { ApiAnswer, ManagementApi } from '../auth0/http.js';
import type { Credentials, TokenSource } from '../auth0/token.js';
import { exchange } from '../auth0/wire.js';
import type { TenantSettings } from '../config/config.js';
import { ExtractError } from '../contracts/errors.js';
import type { ResourceName } from '../contracts/names.js';
import { parsePage } from '../json/page.js';
import { JsonTextError } from '../json/scan.js';
import { resources } from '../resources/index.js';
import { type Check, fail, failedWith, ok, skipped, warn } from './check.js';
import { planOf, readLimit, type SeenLimit } from './plan.js';
import { retentionCheck } from './retention.js';
import { scopesOfToken } from './token-scopes.js';

/** What the checks of a tenant need. */
export interface TenantDeps {
  tenant: string;
  credentials: Pick<Credentials, 'origin' | 'clientId' | 'audience'>;
  settings: Pick<TenantSettings, 'resources' | 'extract' | 'pacing'>;
  api: ManagementApi;
  tokens: TokenSource;
  timeoutMs: number;
  userAgent: string;
  now: () => number;
}

/** Asks the tenant the cheapest questions that prove it can be copied: at most one request a resource. */
export async function checkTenant(deps: TenantDeps): Promise<Check[]> {
  const reached = await reachTenant(deps);
  if (reached.status === 'fail') return [reached.check];
  const checks = [reached.check, clockCheck(reached.date, deps.now())];
  let scopes: ReadonlySet<string> | null;
  try {
    scopes = scopesOfToken(await deps.tokens.get());
  } catch (error) {
    return [...checks, failedWith('token', error)];
  }
  checks.push(ok('token', `issued for ${deps.credentials.audience}`));
  const answers = await Promise.all(deps.settings.resources.map((resource) => ask(deps, resource, scopes)));
  checks[1] = worst([
    clockCheck(reached.date, deps.now()),
    ...answers.flatMap(({ answer }) => (answer ? [clockCheck(answer.headers.get('date'), answer.sentAt)] : [])),
  ]);
  checks.push(...answers.map(({ check }) => check), ...broadScopes(scopes, deps));
  checks.push(limitCheck(Object.fromEntries(answers.flatMap((answer) => limitOf(answer)))));
  const logs = answers.find(({ resource, answer }) => resource === 'logs' && answer !== null)?.answer;
  checks.push(
    logs
      ? retentionCheck(logs.text, deps.settings.extract.logRetentionMs, deps.now())
      : skipped('log retention', 'the logs cannot be read'),
  );
  return checks;
}

const discovery = z.object({ issuer: z.string() });

type ReachedTenant = { status: 'fail'; check: Check } | { status: 'ok'; check: Check; date: string | null };

/** Needs no token: tells a wrong host from wrong credentials. */
async function reachTenant({ credentials, timeoutMs, userAgent }: TenantDeps): Promise<ReachedTenant> {
  const { origin } = credentials;
  const name = 'reachable';
  try {
    const { status, headers, body } = await exchange(
      new URL('/.well-known/openid-configuration', origin),
      { headers: { accept: 'application/json', 'user-agent': userAgent } },
      { timeoutMs },
    );
    if (status === 200 && isDiscovery(body.toString('utf8')))
      return { status: 'ok', check: ok(name, `${origin} answers`), date: headers.get('date') };
    const check = fail(
      name,
      `${origin} answers (HTTP ${status}), but it is no Auth0 tenant`,
      'Check the domain (AUTH0_DOMAIN, or tenants.yaml): the host of the tenant, such as acme.eu.auth0.com, or its custom domain.',
    );
    return { status: 'fail', check };
  } catch (error) {
    return { status: 'fail', check: failedWith(name, classifyNetworkError(error, new URL(origin).host)) };
  }
}

function isDiscovery(text: string): boolean {
  try {
    return discovery.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

const SKEW_WARN_MS = 30_000;
const SKEW_FAIL_MS = 5 * 60_000;

/** Watermarks are times of the tenant, tokens expire by ours: the two clocks must agree. */
export function clockCheck(date: string | null, now: number): Check {
  const name = 'clock';
  const theirs = Date.parse(date ?? '');
  if (!Number.isFinite(theirs)) return skipped(name, 'the answer names no time');
  const skew = Math.abs(now - theirs);
  const detail = `${(skew / 1000).toFixed(0)} s ${now > theirs ? 'ahead of' : 'behind'} the tenant`;
  const cure = "Set this machine's clock by NTP.";
  if (skew > SKEW_FAIL_MS) return fail(name, detail, cure);
  return skew > SKEW_WARN_MS ? warn(name, detail, cure) : ok(name, detail);
}

/** The gravest of several checks of one thing: its parts may be served by different machines. */
function worst([first, ...others]: [Check, ...Check[]]): Check {
  const grave = ['skipped', 'ok', 'warn', 'fail'];
  return others.reduce((a, b) => (grave.indexOf(b.status) > grave.indexOf(a.status) ? b : a), first);
}

interface Asked {
  resource: ResourceName;
  check: Check;
  answer: ApiAnswer | null;
}

/** One row of a list. Of the logs it is the oldest one that is kept. */
async function ask(
  { api, credentials }: TenantDeps,
  resource: ResourceName,
  scopes: ReadonlySet<string> | null,
): Promise<Asked> {
  const { path, scope } = resources[resource];
  const name = `scope ${scope}`;
  const order: Record<string, string> = resource === 'logs' ? { sort: 'date:1' } : {};
  try {
    const answer = await api.send({ path, query: { page: '0', per_page: '1', ...order } });
    parsePage(answer.text, resources[resource].listName);
    return { resource, check: ok(name, `${resource} can be read`), answer };
  } catch (error) {
    if (error instanceof JsonTextError) {
      const cure =
        'Check that the domain (AUTH0_DOMAIN, or tenants.yaml) is an Auth0 tenant and no proxy is in between.';
      return { resource, check: fail(name, `the answer is no list of ${resource}`, cure), answer: null };
    }
    const missing = error instanceof ExtractError && error.kind === 'InsufficientScope';
    if (error instanceof ExtractError && error.kind === 'NotInPlan') {
      const cure = `Leave ${resource} out: AUTH0_RESOURCES, or resources in tenants.yaml.`;
      return { resource, check: warn(name, `the plan does not include ${resource}`, cure), answer: null };
    }
    if (!missing) return { resource, check: failedWith(name, error), answer: null };
    const said = scopes === null ? '' : scopes.has(scope) ? ', although the token names it' : ', the token lacks it';
    const check = fail(
      name,
      `${resource} cannot be read${said}`,
      `Grant ${scope}: Applications > APIs > Auth0 Management API > Machine to Machine Applications > the one with client id ${credentials.clientId} > Permissions, tick ${scope} and update. A token keeps its scopes: start the worker again, or wait until its token is renewed.`,
    );
    return { resource, check, answer: null };
  }
}

/** An application that copies needs to read and nothing more. */
function broadScopes(scopes: ReadonlySet<string> | null, { settings }: TenantDeps): Check[] {
  const name = 'no more scopes';
  if (scopes === null) return [skipped(name, 'the token does not name its scopes')];
  const needed = new Set(settings.resources.map((resource) => resources[resource].scope));
  const more = [...scopes].filter((scope) => !needed.has(scope));
  if (more.length === 0) return [ok(name, 'none but those that are needed')];
  const shown = more.length > 8 ? `${more.slice(0, 8).join(', ')} and ${more.length - 8} more` : more.join(', ');
  return [warn(name, `the application also has ${shown}`, 'Take away what it does not need, writing above all.')];
}

function limitOf({ resource, answer }: Asked): [ResourceName, SeenLimit][] {
  const seen = answer === null ? null : readLimit(answer.headers);
  return seen === null ? [] : [[resource, seen]];
}

/** So little left in the bucket means that others use it up. */
const LOW_SHARE = 0.1;

/** What the headers say of the tenant's rate limit. */
export function limitCheck(limits: Partial<Record<ResourceName, SeenLimit>>): Check {
  const name = 'rate limit';
  const seen = Object.entries(limits);
  if (seen.length === 0) return ok(name, 'the answers name no limit');
  const sizes = new Set(seen.map(([, { limit }]) => limit));
  const [only] = sizes;
  const sizeText =
    sizes.size === 1 && only !== undefined
      ? `${only} requests at once`
      : seen.map(([resource, { limit }]) => `${resource} ${limit}`).join(', ') + ' requests at once';
  const plan = planOf(limits);
  const detail = `${sizeText}${plan === null ? ': of no plan that is known here' : `, as of ${plan}`}`;
  const low = seen.filter(
    ([, { limit, remaining }]) => remaining !== null && limit >= 10 && remaining < limit * LOW_SHARE,
  );
  if (low.length === 0) return ok(name, detail);
  const left = low.map(([resource, { remaining }]) => `${resource} ${remaining}`).join(', ');
  return warn(
    name,
    `${detail}; nearly used up (${left} left)`,
    'Something else asks this tenant a lot. Raise AUTH0_RATE_HEADROOM to leave it more, or find out what it is.',
  );
}
