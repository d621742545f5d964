import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessUse } from '../lib/report.js';

/** Linux counts CPU time for user space in hundredths of a second on every architecture. */
const TICKS_PER_SECOND = 100;

/** A process that is watched. */
export interface Watched {
  name: string;
  pid: number;
}

/** What a process has used since its start; nulls where there is no /proc, or no such process. */
export function readUse(pid: number | 'self'): ProcessUse {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces: fields are counted behind it. utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { peakMb: peak === undefined ? null : Number(peak) / 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    return { peakMb: null, cpuSeconds: null };
  }
}

/** Watches processes over a piece of work: CPU time during it, peak memory since its begin. */
export function watch(processes: readonly Watched[]): () => Record<string, ProcessUse> {
  const before = processes.map(({ pid }) => {
    resetPeak(pid);
    return readUse(pid).cpuSeconds;
  });
  return () =>
    Object.fromEntries(
      processes.map(({ name, pid }, index) => {
        const { peakMb, cpuSeconds } = readUse(pid);
        const earlier = before[index] ?? null;
        const used = cpuSeconds === null || earlier === null ? null : cpuSeconds - earlier;
        return [name, { peakMb, cpuSeconds: used }];
      }),
    );
}

/** Processors that were busy over the next `ms`: other work makes figures smaller. */
export async function busyProcessors(ms: number): Promise<number> {
  const busy = meterProcessors();
  await sleep(ms);
  return busy();
}

/** Begins to count; the answer is how many processors were busy on average since then, 0 where there is no /proc. */
export function meterProcessors(): () => number {
  const start = performance.now();
  const before = busyTicks();
  return () => ((busyTicks() - before) / TICKS_PER_SECOND / (performance.now() - start)) * 1000;
}

function busyTicks(): number {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).map(Number);
    return user + nice + system + irq + softirq;
  } catch {
    return 0;
  }
}

function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the peak is that since the process's start.
  }
}
