import type { ExportJobs } from './export-jobs.js';
import type { FaultSwitch } from './fault-switch.js';
import type { ResolvedOptions } from './options.js';
import type { EmulatorSettings } from './settings.js';
import type { StatsCounter } from './stats.js';
import type { Tenant } from './tenant.js';
import type { TokenIssuer } from './tokens.js';
import type { UserSearch } from './user-search.js';

/** What the routes work with. */
export interface EmulatorContext {
  readonly options: ResolvedOptions;
  readonly tenant: Tenant;
  readonly userSearch: UserSearch;
  readonly tokens: TokenIssuer;
  readonly jobs: ExportJobs;
  readonly stats: StatsCounter;
  readonly faults: FaultSwitch;
  /** The settings now; the object is replaced when one changes. */
  settings: EmulatorSettings;
}
