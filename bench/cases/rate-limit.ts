import { measureBaseline, measureOurs, OURS } from '../parts/measure.js';
import { alternate, type BenchCase } from './case.js';
import { openBench } from './logs.js';

const RATE = { requestsPerSecond: 16, burst: 16 };
const PAGE = 100;

/** A limit that the tenant sets: what counts is how much of it is used, and that nothing is asked twice. */
export const logs16rps: BenchCase = {
  id: 'logs-16rps',
  title: 'First copy of 100,000 logs under 16 requests a second, AUTH0_RATE_HEADROOM=0',
  runs: 1,
  async measure(context) {
    const logs = context.quick ? 3_000 : 100_000;
    const bench = await openBench(context, { logs, rate: RATE });
    const pages = Math.ceil(logs / PAGE);
    /** The bucket is full at the start, then each request waits for its share. */
    const refill = async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, (RATE.burst / RATE.requestsPerSecond) * 1000);
      });
    };
    const withShare = (measurement: Awaited<ReturnType<typeof measureOurs>>) => {
      const { requests = 0, seconds = 0 } = measurement.metrics;
      const least = (requests - RATE.burst) / RATE.requestsPerSecond;
      const metrics = {
        ...measurement.metrics,
        shareOfLimit: (100 * least) / seconds,
        extraRequests: requests - pages,
      };
      return { ...measurement, metrics };
    };
    await alternate(context, [
      async () => {
        await refill();
        return withShare(await measureOurs(bench, 'logs', { env: { AUTH0_RATE_HEADROOM: '0' } }));
      },
      async () => {
        await refill();
        return withShare(await measureBaseline(bench, 'plain loop', { kind: 'loop', resource: 'logs' }));
      },
    ]);
    context.note(
      `The limit lets ${RATE.burst} requests through at once and then ${RATE.requestsPerSecond} a second. The share is the shortest time in which the requests of ${OURS} can be sent, divided by the time from start to result.`,
    );
  },
};
