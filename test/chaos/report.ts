import type { ActivityStep } from '../../src/activities/deps.js';
import type { CopiesMade, Findings } from './check.js';
import { STEPS, VICTIMS, type VictimName } from './plan.js';
import type { VictimEvents } from './victim.js';

/** What a run of the matrix has done and found. */
export interface Totals {
  kills: Record<VictimName, number>;
  stepKills: Record<ActivityStep, number>;
  rounds: number;
  copies: number;
  /** Copies that ended with a failure, and were started again. */
  failedCopies: string[];
  findings: Findings;
}

/** Collects it. */
export interface Report extends VictimEvents {
  readonly totals: Totals;
  say(line: string): void;
  kill(victim: VictimName): void;
  stepKill(step: ActivityStep): void;
  copy(tenant: string, ms: number): void;
  failedCopy(reason: string): void;
  round(tenant: string, findings: Findings, copies: CopiesMade): void;
  problem(what: string): void;
  /** The tables of docs/reliability.md. */
  markdown(): string;
}

/** An empty report that tells `say` of everything as it happens. */
export function createReport(say: (line: string) => void): Report {
  const totals: Totals = {
    kills: { worker: 0, temporal: 0, clickhouse: 0, tenant: 0 },
    stepKills: { fetched: 0, inserted: 0, checkpointed: 0, completing: 0 },
    rounds: 0,
    copies: 0,
    failedCopies: [],
    findings: { compared: 0, lost: 0, doubled: 0, foreign: 0, rawDuplicates: 0, problems: [] },
  };
  const backAfter = new Map<string, number[]>();
  const problem = (what: string): void => {
    totals.findings.problems.push(what);
    say(`PROBLEM ${what}`);
  };
  return {
    totals,
    say,
    problem,
    back(name, afterMs) {
      backAfter.set(name, [...(backAfter.get(name) ?? []), afterMs]);
    },
    diedByItself: (what) => problem(`not killed, and yet: ${what}`),
    kill(victim) {
      totals.kills[victim]++;
    },
    stepKill(step) {
      totals.stepKills[step]++;
      say(`the worker killed itself: ${step}`);
    },
    copy(tenant, ms) {
      totals.copies++;
      say(`${tenant}: a copy ended after ${(ms / 1000).toFixed(1)} s`);
    },
    failedCopy(reason) {
      totals.failedCopies.push(reason);
      say(`failed, and started again: ${reason}`);
    },
    round(tenant, found, copies) {
      const { findings } = totals;
      totals.rounds++;
      for (const key of ['compared', 'lost', 'doubled', 'foreign', 'rawDuplicates'] as const)
        findings[key] += found[key];
      for (const what of found.problems) problem(`${tenant}: ${what}`);
      say(
        `${tenant}: ${copies.completed} copies, ${found.compared} records, lost ${found.lost}, doubled ${found.doubled}`,
      );
    },
    markdown() {
      const { kills, stepKills, rounds, copies, failedCopies, findings } = totals;
      const killed = [
        ...VICTIMS.map((name) => [`${name}, at a random moment`, kills[name], median(backAfter.get(name) ?? [])]),
        ...STEPS.map((step) => [`worker, at the step \`${step}\``, stepKills[step], '']),
      ];
      const left = [
        ['tenants, each with a fifth of all requests broken', rounds],
        ['copies', copies],
        ['copies that failed with a named error and were started again', failedCopies.length],
        ['records compared at the end', findings.compared],
        ['lost', findings.lost],
        ['doubled', findings.doubled],
        ['in the views although the tenant does not have them', findings.foreign],
        ['log rows stored twice and not yet merged (hidden from readers)', findings.rawDuplicates],
        ['anything else that did not hold', findings.problems.length],
      ];
      return [
        table(['killed with SIGKILL', 'times', 'answers again after (median)'], killed),
        table(['what was left', ''], left),
      ].join('\n\n');
    },
  };
}

function median(values: readonly number[]): string {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  return middle === undefined ? '' : `${(middle / 1000).toFixed(1)} s`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row))].join('\n');
}
