import { ClientIdentities } from './client-identity.js';
import { ClientRecords } from './client-record.js';
import { ClientStore } from './client-store.js';
import { Company, COMPANY_ENDPOINTS, type CompanySizes } from './objects/company.js';
import { ObjectStore } from './objects/store.js';
import { LogFactSource } from './log-facts.js';
import { LogRecords } from './log-record.js';
import { LogTimeline, type LogSegment } from './log-timeline.js';
import type { ResolvedOptions } from './options.js';
import { readState, writeState, type TenantState } from './state-file.js';
import { createTimeText, type TimeText } from './time-text.js';
import { UserBase, type UserCohort } from './user-facts.js';
import { UserIdentities } from './user-identity.js';
import { UserRecords } from './user-record.js';
import { UserStore } from './user-store.js';
import { vocabulary } from './vocabulary.js';
import type { WireText } from './wire-text.js';

const USER_SPAN_MS = 4 * 365 * 86_400_000;
const YOUNGEST_USER_MS = 3_600_000;

/** The data of one tenant: its logs, users and clients, and how they are written. */
export class Tenant {
  readonly seed: number;
  readonly time: TimeText = createTimeText();
  readonly timeline: LogTimeline;
  readonly logFacts: LogFactSource;
  readonly users: UserStore;
  readonly userRecords: UserRecords;
  readonly userIdentities: UserIdentities;
  readonly clients: ClientStore;
  readonly clientRecords: ClientRecords;
  readonly clientIdentities: ClientIdentities;
  readonly objects: ObjectStore;
  /** Where the base logs begin, in milliseconds. */
  readonly logStartMs: number;
  readonly #logRecords: LogRecords;
  readonly #base: Pick<TenantState, 'seed' | 'epochMs' | 'logSpanMs' | 'logs' | 'users' | 'clients'>;
  readonly #sizes: CompanySizes;
  readonly #stateFile: string | undefined;
  #signInsAppliedUpTo = 0;

  /** Makes the tenant, or takes it up again from its state file. Throws an Error when that file is not one of ours. */
  constructor(options: ResolvedOptions) {
    const stored = options.stateFile === undefined ? undefined : readState(options.stateFile);
    const { seed, epochMs, logSpanMs, logs, users, clients } = stored ?? options;
    this.#base = { seed, epochMs, logSpanMs, logs, users, clients };
    this.#stateFile = options.stateFile;
    this.seed = seed;
    this.logStartMs = epochMs - logSpanMs;
    const words = vocabulary();
    const baseLogs: LogSegment = { kind: 'spread', count: logs, startMs: this.logStartMs, endMs: epochMs };
    this.timeline = new LogTimeline(storedSegments(stored) ?? (logs === 0 ? [] : [baseLogs]), this.time);
    this.logFacts = new LogFactSource(seed, this.timeline, users, clients);
    this.userIdentities = new UserIdentities(seed, words);
    const cohort: UserCohort = { count: users, startMs: epochMs - USER_SPAN_MS, endMs: epochMs - YOUNGEST_USER_MS };
    const userBase = new UserBase(seed, epochMs, this.userIdentities);
    this.users = new UserStore(seed, userBase, cohort, stored?.userOperations ?? []);
    this.userRecords = new UserRecords(seed, this.time);
    this.clientIdentities = new ClientIdentities(seed, words);
    this.clients = new ClientStore(seed, this.clientIdentities, clients, stored?.clientOperations ?? []);
    this.clientRecords = new ClientRecords(seed, options.tenant, this.clientIdentities);
    this.#sizes = {
      roles: stored?.roles ?? options.roles,
      organizations: stored?.organizations ?? options.organizations,
      membersPerOrganization: stored?.membersPerOrganization ?? options.membersPerOrganization,
    };
    const source = { seed, words, identities: this.userIdentities, users: this.users };
    this.objects = new ObjectStore(new Company(source, this.#sizes), COMPANY_ENDPOINTS, stored?.objectChanges);
    const records = { tenant: options.tenant, time: this.time, words };
    this.#logRecords = new LogRecords({ ...records, users: this.userIdentities, clients: this.clientIdentities });
    this.#startLive(options.liveIntervalMs, options.clock());
  }

  /** JSON text of a log. Throws a RangeError for an index out of range. */
  logText(index: number): WireText {
    return this.#logRecords.text(this.logFacts.at(index));
  }

  /** Lets the tenant live until now: events happen, and those that are sign-ins move their users. */
  advance(nowMs: number): void {
    this.timeline.advance(nowMs);
    const { count } = this.timeline;
    if (count === this.#signInsAppliedUpTo) return;
    let index = this.timeline.nextLive(this.#signInsAppliedUpTo);
    while (index < count) {
      const kind = this.logFacts.kindOf(index);
      const user = kind.signsIn ? this.logFacts.userOf(index, kind) : undefined;
      if (user !== undefined) this.users.signIn(user, this.logFacts.dateMsOf(index));
      index = this.timeline.nextLive(index + 1);
    }
    this.#signInsAppliedUpTo = count;
  }

  /** Stores the tenant, when it has a state file. */
  save(): void {
    if (this.#stateFile === undefined) return;
    writeState(this.#stateFile, {
      version: 1,
      ...this.#base,
      segments: this.timeline.segments,
      userOperations: this.users.operations,
      clientOperations: this.clients.operations,
      ...this.#sizes,
      objectChanges: this.objects.changes,
    });
  }

  /** Ends live production and stores the tenant. */
  close(nowMs: number): void {
    this.timeline.closeLive(nowMs);
    this.save();
  }

  // A segment still growing in the state file means that the emulator was killed: what it served since then must not vanish, so
  // it goes on as though it had never stopped.
  #startLive(intervalMs: number | undefined, nowMs: number): void {
    if (this.timeline.liveIntervalMs !== undefined && this.timeline.liveIntervalMs !== intervalMs) {
      this.timeline.closeLive(nowMs);
    }
    this.timeline.advance(nowMs);
    if (intervalMs !== undefined && this.timeline.liveIntervalMs === undefined)
      this.timeline.openLive(intervalMs, nowMs);
  }
}

function storedSegments(stored: TenantState | undefined): readonly LogSegment[] | undefined {
  return stored?.segments.map((segment) => {
    if (segment.kind === 'spread') return segment;
    const { kind, startMs, intervalMs, endMs } = segment;
    return endMs === undefined ? { kind, startMs, intervalMs } : { kind, startMs, intervalMs, endMs };
  });
}
