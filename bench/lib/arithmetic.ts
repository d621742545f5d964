import type { CaseReport } from './report.js';
import { metricOf, useOf } from './statistics.js';
import { shown, type Table } from './table.js';

const OURS = 'auth0-clickhouse';
const DAY_S = 86_400;
const ROWS_PER_PAGE = 100;

/** What was measured, a unit each. */
export interface UnitCosts {
  /** Worker CPU of a run with nothing new, and of each further event, seconds. */
  workerSecondsPerRun: number;
  workerSecondsPerEvent: number;
  /** ClickHouse's and Temporal's CPU, likewise. */
  clickhouseSecondsPerRun: number;
  clickhouseSecondsPerEvent: number;
  temporalSecondsPerRun: number;
  /** Size of the histories of a run with nothing new, bytes. */
  historyBytesPerRun: number;
  bytesPerEvent: number;
  /** Peak memory of a worker, MB. */
  workerMb: number;
}

/** A load to be carried. */
export interface Load {
  tenants: number;
  eventsPerDay: number;
  /** `SCHEDULE_LOGS`. */
  scheduleSeconds: number;
}

/** What a load costs. */
export interface Cost {
  runsPerSecond: number;
  eventsPerRun: number;
  requestsPerSecondAndTenant: number;
  actionsPerDay: number;
  historyGbPerDay: number;
  workerCores: number;
  clickhouseCores: number;
  temporalCores: number;
  /** Statements that store something, each of which makes a part. */
  insertsPerSecond: number;
  storedGbPerDay: number;
  /** Worker processes, and the memory of all of them. */
  workers: number;
  workersGb: number;
}

const LOADS: readonly Load[] = [
  { tenants: 1, eventsPerDay: 1_000_000, scheduleSeconds: 60 },
  { tenants: 10, eventsPerDay: 10_000_000, scheduleSeconds: 60 },
  { tenants: 100, eventsPerDay: 100_000_000, scheduleSeconds: 60 },
  { tenants: 1_000, eventsPerDay: 10_000_000, scheduleSeconds: 60 },
  { tenants: 1_000, eventsPerDay: 1_000_000_000, scheduleSeconds: 60 },
  { tenants: 1_000, eventsPerDay: 1_000_000_000, scheduleSeconds: 300 },
];

/** Pages of the first activity of a run, and of each further one (src/workflows/run-state.ts). */
const FIRST_PAGES = 10;
const FURTHER_PAGES = 2_000;
/** Pages that one insert holds in the first activity, and in each further one (src/activities/fetch-pages.ts). */
const FIRST_PAGES_PER_INSERT = 10;
const FURTHER_PAGES_PER_INSERT = 50;

/** Temporal actions of a scheduled run: the schedule's own two and the start, the child, and three activities around. */
const ACTIONS_AROUND = 3 + 1 + 3;
/** Rows of the pipeline's own: the ledger's at the start and the end. Each insert of logs is followed by a checkpoint. */
const LEDGER_INSERTS = 2;

/** A worker is not to be busier than this: JavaScript runs on one thread, and a rush has to find room. */
const BUSY_SHARE = 0.6;

/** What a load costs by these units, for runs that all bring the same number of events. */
export function costOf({ tenants, eventsPerDay, scheduleSeconds }: Load, unit: UnitCosts): Cost {
  const runsPerSecond = tenants / scheduleSeconds;
  const eventsPerSecond = eventsPerDay / DAY_S;
  const eventsPerRun = eventsPerSecond / runsPerSecond;
  // The page of the overlap and the empty one at the end come on top.
  const pages = Math.ceil(eventsPerRun / ROWS_PER_PAGE) + 2;
  const activities = 1 + Math.max(0, Math.ceil((pages - FIRST_PAGES) / FURTHER_PAGES));
  const full = Math.ceil(eventsPerRun / ROWS_PER_PAGE);
  const further = Math.max(0, Math.ceil((full - FIRST_PAGES) / FURTHER_PAGES_PER_INSERT));
  const inserts = Math.ceil(Math.min(full, FIRST_PAGES) / FIRST_PAGES_PER_INSERT) + further;
  const cores = (perRun: number, perEvent: number) => runsPerSecond * perRun + eventsPerSecond * perEvent;
  const workerCores = cores(unit.workerSecondsPerRun, unit.workerSecondsPerEvent);
  const workers = Math.max(1, Math.ceil(workerCores / BUSY_SHARE));
  return {
    runsPerSecond,
    eventsPerRun,
    requestsPerSecondAndTenant: pages / scheduleSeconds,
    actionsPerDay: runsPerSecond * DAY_S * (ACTIONS_AROUND + activities),
    historyGbPerDay: (runsPerSecond * DAY_S * unit.historyBytesPerRun) / 1e9,
    workerCores,
    clickhouseCores: cores(unit.clickhouseSecondsPerRun, unit.clickhouseSecondsPerEvent),
    temporalCores: cores(unit.temporalSecondsPerRun, 0),
    insertsPerSecond: runsPerSecond * (LEDGER_INSERTS + 2 * inserts),
    storedGbPerDay: (eventsPerDay * unit.bytesPerEvent) / 1e9,
    workers,
    workersGb: (workers * unit.workerMb) / 1024,
  };
}

/** The units of a report; undefined where a case that they come from is missing. */
export function unitCosts(cases: readonly CaseReport[]): UnitCosts | undefined {
  const find = (id: string) => cases.find((report) => report.id === id);
  const [full, idle, large] = [find('logs-100k'), find('incremental-0'), find('logs-1m')];
  if (!full || !idle) return undefined;
  const cpu = (report: CaseReport, process: string) => useOf(report, OURS, process, 'cpuSeconds')?.median;
  const rows = metricOf(full, OURS, 'rows')?.median;
  const historyBytes = metricOf(idle, OURS, 'historyBytes')?.median;
  const bytes = metricOf(large ?? full, OURS, 'bytesPerRow')?.median;
  const memory = useOf(full, OURS, 'worker', 'peakMb')?.max;
  const used = ['worker', 'clickhouse', 'temporal'].map((name) => [cpu(idle, name), cpu(full, name)] as const);
  const [worker, clickhouse, temporal] = used;
  if (!worker || !clickhouse || !temporal) return undefined;
  const known = [rows, historyBytes, bytes, memory, ...worker, ...clickhouse, ...temporal];
  const numbers = known.filter((value) => value !== undefined);
  if (numbers.length < known.length || rows === undefined) return undefined;
  const perRun = ([run]: readonly [number | undefined, number | undefined]) => run ?? 0;
  const perEvent = ([run, all]: readonly [number | undefined, number | undefined]) =>
    Math.max(0, (all ?? 0) - (run ?? 0)) / rows;
  return {
    workerSecondsPerRun: perRun(worker),
    workerSecondsPerEvent: perEvent(worker),
    clickhouseSecondsPerRun: perRun(clickhouse),
    clickhouseSecondsPerEvent: perEvent(clickhouse),
    temporalSecondsPerRun: perRun(temporal),
    historyBytesPerRun: historyBytes ?? 0,
    bytesPerEvent: bytes ?? 0,
    workerMb: memory ?? 0,
  };
}

/** The units, and what some loads cost by them. None where a case is missing. */
export function arithmeticTables(cases: readonly CaseReport[]): Table[] {
  const unit = unitCosts(cases);
  if (unit === undefined) return [];
  const milliseconds = (seconds: number) => `${shown(seconds * 1e3)} ms`;
  const perMillion = (seconds: number) => `${shown(seconds * 1e6)} s`;
  const units: Table = {
    head: ['unit', 'worker', 'ClickHouse', 'Temporal'],
    rows: [
      [
        'CPU of a run with nothing new',
        milliseconds(unit.workerSecondsPerRun),
        milliseconds(unit.clickhouseSecondsPerRun),
        milliseconds(unit.temporalSecondsPerRun),
      ],
      [
        'CPU of a million events',
        perMillion(unit.workerSecondsPerEvent),
        perMillion(unit.clickhouseSecondsPerEvent),
        'counted with the run',
      ],
      [
        'bytes',
        `${shown(unit.workerMb)} MB at the peak`,
        `${shown(unit.bytesPerEvent)} an event`,
        `${shown(unit.historyBytesPerRun)} of history a run`,
      ],
    ],
  };
  const costs = LOADS.map((load) => ({ load, cost: costOf(load, unit) }));
  const row = (name: string, cell: (entry: (typeof costs)[number]) => string) => [name, ...costs.map(cell)];
  const number =
    (pick: (cost: Cost) => number) =>
    ({ cost }: { cost: Cost }) =>
      shown(pick(cost));
  const table: Table = {
    head: [
      '',
      ...costs.map(({ load }) => `${shown(load.tenants)} tenants, ${shown(load.eventsPerDay / 1e6)} M events a day`),
    ],
    rows: [
      row('schedule (`SCHEDULE_LOGS`)', ({ load }) => `${load.scheduleSeconds} s`),
      row(
        'runs a second',
        number(({ runsPerSecond }) => runsPerSecond),
      ),
      row(
        'events a run',
        number(({ eventsPerRun }) => eventsPerRun),
      ),
      row(
        'requests a second to each tenant',
        number((cost) => cost.requestsPerSecondAndTenant),
      ),
      row('Temporal actions a day', ({ cost }) => `${shown(cost.actionsPerDay / 1e6)} M`),
      row('Temporal history a day', ({ cost }) => `${shown(cost.historyGbPerDay)} GB`),
      row(
        'processors of workers',
        number(({ workerCores }) => workerCores),
      ),
      row(
        'processors of ClickHouse',
        number(({ clickhouseCores }) => clickhouseCores),
      ),
      row(
        'processors of Temporal (dev server)',
        number(({ temporalCores }) => temporalCores),
      ),
      row(
        'inserts a second (a part each)',
        number(({ insertsPerSecond }) => insertsPerSecond),
      ),
      row('ClickHouse storage a day', ({ cost }) => `${shown(cost.storedGbPerDay)} GB`),
      row(
        'worker processes, 60 % busy each',
        number(({ workers }) => workers),
      ),
      row('their memory', ({ cost }) => `${shown(cost.workersGb)} GB`),
    ],
  };
  return [units, table];
}
