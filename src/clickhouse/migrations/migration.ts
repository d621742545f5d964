import { identifier, tablesOf } from '../client.js';

/** What a migration's SQL is written for. */
export interface DdlTarget {
  database: string;
  cluster: string | null;
}

/** A numbered change of the schema. Once released its statements never change: a new number does. */
export interface Migration {
  version: number;
  name: string;
  statements(ddl: Ddl): string[];
}

/** Pieces of DDL that differ between a single server and a cluster. */
export interface Ddl {
  /** `` `database`.`name` `` */
  table(name: string): string;
  /** ` ON CLUSTER …` on a cluster. */
  onCluster: string;
  /** `ReplacingMergeTree(version)`, replicated on a cluster. */
  replacing(version?: string): string;
  /** The settings of every table: a window in which repeated inserts are recognised, above all. */
  settings(...more: string[]): string;
}

/** Inserts that a single server remembers per table, and how long a cluster does (its default is one hour since 25.10). */
const DEDUPLICATION_WINDOW = 10_000;
const DEDUPLICATION_SECONDS = 7 * 24 * 3600;

/** The DDL pieces for a destination. */
export function ddlFor({ database, cluster }: DdlTarget): Ddl {
  const window =
    cluster === null
      ? [`non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`]
      : [
          `replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`,
          `replicated_deduplication_window_seconds = ${DEDUPLICATION_SECONDS}`,
        ];
  return {
    table: tablesOf(database),
    onCluster: cluster === null ? '' : ` ON CLUSTER ${identifier(cluster)}`,
    replacing: (version = '') => `${cluster === null ? '' : 'Replicated'}ReplacingMergeTree(${version})`,
    settings: (...more) => `SETTINGS ${[...window, ...more].join(', ')}`,
  };
}
