import type { ErrorKind } from '../contracts/errors.js';
import type { ResourceName } from '../contracts/names.js';

/** One request to the Management API, answered or not. */
export interface MeasuredRequest {
  tenant: string;
  /** Path of the request; ids in it are left out of the label. */
  path: string;
  /** HTTP status; null where no answer came. */
  status: number | null;
  /** How long the pacer held the request back, and how long the answer took, in seconds. */
  waitedSeconds: number;
  tookSeconds: number;
}

/** One block that ClickHouse has acknowledged. */
export interface MeasuredInsert {
  tenant: string;
  resource: ResourceName;
  rows: number;
  bytes: number;
  seconds: number;
  /** Records of the block that broke their documented shape. */
  malformed: number;
}

/** What the copy tells of itself while it works. Implementations never throw: counting must not fail a page. */
export interface Meter {
  request(call: MeasuredRequest): void;
  tokenMinted(tenant: string): void;
  /** Pages whose rows are stored. */
  pagesStored(tenant: string, resource: ResourceName, pages: number): void;
  inserted(block: MeasuredInsert): void;
  insertFailed(tenant: string, resource: ResourceName, kind: ErrorKind): void;
  gapFound(tenant: string, resource: ResourceName): void;
  runClosed(tenant: string, resource: ResourceName, status: string): void;
  /** An attempt of an activity that failed; '' where tenant or resource are not known. */
  activityFailed(tenant: string, resource: string, kind: string): void;
}

const nothing = (): void => {};

/** Counts nothing: for commands and tests that look at no metrics. */
export const NO_METER: Meter = {
  request: nothing,
  tokenMinted: nothing,
  pagesStored: nothing,
  inserted: nothing,
  insertFailed: nothing,
  gapFound: nothing,
  runClosed: nothing,
  activityFailed: nothing,
};
