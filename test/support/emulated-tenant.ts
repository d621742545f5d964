import { type Emulator, type EmulatorOptions, startEmulator } from '../../src/emulator/main.js';

/** An emulated tenant and the questions that only a test may ask it. */
export interface EmulatedTenant {
  emulator: Emulator;
  origin: string;
  ids(resource: string): Promise<string[]>;
  /** Exact text of every record as the API serves it, by id. */
  raw(resource: string): Promise<Map<string, string>>;
  admin(path: string, body?: unknown): Promise<unknown>;
  clearFaults(): Promise<void>;
  /** Requests that were answered, by route. */
  requests(): Record<string, number>;
  close(): Promise<void>;
}

/** Starts an emulated tenant on a free port. */
export async function startTenant(options: EmulatorOptions): Promise<EmulatedTenant> {
  const emulator = await startEmulator({ exportJobMs: 100, ...options });
  const lines = async (path: string): Promise<string[]> => {
    const answer = await fetch(`${emulator.origin}/_emulator/${path}`);
    return (await answer.text()).split('\n').filter((line) => line !== '');
  };
  return {
    emulator,
    origin: emulator.origin,
    async ids(resource) {
      return (await lines(`ids/${resource}`)).map((line) => String(JSON.parse(line))).sort();
    },
    async raw(resource) {
      const rows = (await lines(`raw/${resource}`)).map((line): { id: string; raw: string } => JSON.parse(line));
      return new Map(rows.map(({ id, raw }) => [id, raw]));
    },
    async admin(path, body) {
      const answer = await fetch(`${emulator.origin}/_emulator/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    async clearFaults() {
      await fetch(`${emulator.origin}/_emulator/faults`, { method: 'DELETE' });
    },
    requests() {
      const { requests } = emulator.stats();
      const sums = Object.entries(requests).map(([route, byStatus]) => {
        const all = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
        return [route, all] as const;
      });
      return Object.fromEntries(sums);
    },
    close: () => emulator.close(),
  };
}

/** The emulated tenants of a test file, by name. */
export interface EmulatedTenants {
  readonly byName: Readonly<Record<string, EmulatedTenant>>;
  /** Starts one more. */
  add(name: string, options: EmulatorOptions): Promise<EmulatedTenant>;
  /** Throws where there is none of this name. */
  of(name: string): EmulatedTenant;
  close(): Promise<void>;
}

/** No tenants yet. */
export function emulatedTenants(): EmulatedTenants {
  const byName: Record<string, EmulatedTenant> = {};
  return {
    byName,
    async add(name, options) {
      const tenant = await startTenant(options);
      byName[name] = tenant;
      return tenant;
    },
    of(name) {
      const tenant = byName[name];
      if (!tenant) throw new Error(`no tenant ${name}`);
      return tenant;
    },
    async close() {
      await Promise.all(Object.values(byName).map((tenant) => tenant.close()));
    },
  };
}
