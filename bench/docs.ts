import type { BenchReport } from './lib/report.js';

/** placeholder until the next commit */
export async function writeDocs(_report: BenchReport): Promise<void> {}
