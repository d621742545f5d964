import { describe, expect, it, type TestContext } from 'vitest';
import { createPacer, type Pacer, type PacerOptions } from '../../src/auth0/pacer.js';
import { type Emulator, emulatorDefaults, startEmulator } from '../../src/emulator/main.js';

const PRODUCTION = { requestsPerSecond: 16, burst: 50 };

interface RateLimit {
  requestsPerSecond: number;
  burst: number;
  retryAfter?: boolean;
}

/** What a load has met: our clock when each request was let go, and when one was refused. */
interface Met {
  readonly sent: number[];
  readonly refused: number[];
  readonly seconds: number;
}

/** An emulated tenant and loads on it. */
interface PacedTenant {
  readonly emulator: Emulator;
  /** Fetches so many pages at a pace, several at once. */
  load(pages: number, options: PacerOptions & { callers?: number }): Promise<Met>;
  /** Asks without a pacer. */
  ask(): Promise<Response>;
  setLimit(rateLimit: RateLimit): Promise<void>;
}

/** A tenant that ends with the test. Tests run side by side, so the test that it belongs to is named. */
async function startTenant({ onTestFinished }: TestContext, rateLimit: RateLimit | null): Promise<PacedTenant> {
  const emulator = await startEmulator({ logs: 50, users: 5, clients: 5, rateLimit });
  onTestFinished(() => emulator.close());
  const { origin } = emulator;
  const { clientId, clientSecret } = emulatorDefaults;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const grant = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  const granted = await post('/oauth/token', { ...grant, audience: `${origin}/api/v2/` });
  const { access_token: token }: { access_token: string } = JSON.parse(await granted.text());
  const ask = async (): Promise<Response> => {
    const answer = await fetch(`${origin}/api/v2/logs?take=1`, { headers: { authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    return answer;
  };
  const askPaced = async (pacer: Pacer, met: Met): Promise<void> => {
    await pacer.acquire();
    const sentAt = Date.now();
    met.sent.push(performance.now());
    const { status, headers } = await ask();
    if (status === 429) met.refused.push(performance.now());
    pacer.observe({ status, headers, sentAt, receivedAt: Date.now() });
  };
  return {
    emulator,
    ask,
    async load(pages, { callers = 6, ...options }) {
      const pacer = createPacer(options);
      const met = { sent: [], refused: [], seconds: 0 };
      let left = pages;
      const start = performance.now();
      const call = async (): Promise<void> => {
        while (left-- > 0) await askPaced(pacer, met);
      };
      await Promise.all(Array.from({ length: callers }, call));
      return { ...met, seconds: (performance.now() - start) / 1000 };
    },
    async setLimit(rateLimit) {
      await post('/_emulator/config', { rateLimit });
    },
  };
}

describe.concurrent('against the emulated tenant', () => {
  it('without headroom uses the whole limit, and is not refused', async (test) => {
    const tenant = await startTenant(test, PRODUCTION);
    const { refused, seconds } = await tenant.load(230, { headroom: 0, maxRps: null });
    expect(refused).toEqual([]);
    // 50 and what stays in reserve at once, the rest at 16 a second: about 12 s.
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThan(20);
  });

  it('with headroom leaves it free', async (test) => {
    const tenant = await startTenant(test, PRODUCTION);
    const { refused, sent, seconds } = await tenant.load(190, { headroom: 0.2, maxRps: null });
    expect(refused).toEqual([]);
    expect(sent).toHaveLength(190);
    // About 40 at once, a few seconds at 16 until that is known, the rest at 12.8 a second: 11 s.
    expect(seconds).toBeGreaterThan(9);
    expect(seconds).toBeLessThan(20);
    expect((await tenant.ask()).headers.get('x-ratelimit-remaining')).toSatisfy((left) => Number(left) >= 10);
  });

  it('leaves others their requests', async (test) => {
    const tenant = await startTenant(test, PRODUCTION);
    let foreign = 0;
    let foreignRefused = 0;
    const timer = setInterval(() => {
      foreign++;
      void tenant.ask().then(({ status }) => (foreignRefused += status === 429 ? 1 : 0));
    }, 200);
    test.onTestFinished(() => clearInterval(timer));
    const { refused, seconds } = await tenant.load(160, { headroom: 0.2, maxRps: null });
    clearInterval(timer);
    expect(refused.length).toBeLessThanOrEqual(1);
    expect(foreign).toBeGreaterThan(20);
    expect(foreignRefused).toBeLessThanOrEqual(1);
    // 40 at once, the rest at no more than what the others leave: 11 a second.
    expect(seconds).toBeGreaterThan(9);
    expect(seconds).toBeLessThan(22);
  });

  it('follows a limit that changes', async (test) => {
    const tenant = await startTenant(test, PRODUCTION);
    const timer = setTimeout(() => void tenant.setLimit({ requestsPerSecond: 4, burst: 10 }), 3_000);
    test.onTestFinished(() => clearTimeout(timer));
    const { refused, sent, seconds } = await tenant.load(110, { headroom: 0.2, maxRps: null });
    expect(sent).toHaveLength(110);
    // The change itself may meet requests that are under way.
    expect(refused.length).toBeLessThanOrEqual(2);
    // Some 80 before the change; after it there are 3.2 a second.
    expect(seconds).toBeGreaterThan(6);
  });

  it('after a refusal all callers wait as told', async (test) => {
    const tenant = await startTenant(test, { requestsPerSecond: 1, burst: 5, retryAfter: true });
    // Others have emptied the bucket before the first request, which nothing can foresee.
    await Promise.all(Array.from({ length: 6 }, () => tenant.ask()));
    const { refused, sent } = await tenant.load(8, { headroom: 0, maxRps: null, callers: 3 });
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(4);
    const [first] = refused;
    if (first === undefined) throw new Error('nothing was refused');
    const next = sent.find((time) => time > first);
    expect((next ?? 0) - first).toBeGreaterThan(990);
  });

  it('keeps to its own cap', async (test) => {
    const tenant = await startTenant(test, null);
    const { sent } = await tenant.load(60, { headroom: 0.2, maxRps: 10 });
    for (const start of sent) {
      expect(sent.filter((time) => time >= start && time < start + 999).length).toBeLessThanOrEqual(11);
    }
  });

  it('does not slow a tenant that names no limit', async (test) => {
    const tenant = await startTenant(test, null);
    const { seconds } = await tenant.load(1_000, { headroom: 0.2, maxRps: null });
    expect(seconds).toBeLessThan(60);
    expect(tenant.emulator.stats().requests['logs']).toEqual({ 200: 1_000 });
  });
});
