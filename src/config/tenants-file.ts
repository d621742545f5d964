import { parseDocument } from 'yaml';
import { z } from 'zod';
import { createReader, type Reader } from './reader.js';
import { SETTINGS } from './settings.js';
import type { Setting } from './settings/setting.js';
import { readIdentity, readTenantSettings, type TenantConfig } from './tenant.js';

/** What a tenants file is read with: its text, and where the values that it refers to are. */
export interface TenantsSource {
  /** Name of the file, for messages. */
  file: string;
  text: string;
  /** A variable of the environment; it also gives the values that are the same for all tenants. */
  env: (name: string) => string | undefined;
  /** Content of a file that the text refers to. Throws where it cannot be read. */
  readFile: (path: string) => string;
}

/** Settings that a tenant may have a value of its own for, by their keys. */
export const TENANT_SETTINGS: ReadonlyMap<string, Setting> = new Map(
  Object.values(SETTINGS).flatMap((setting: Setting): [string, Setting][] =>
    setting.perTenant === undefined ? [] : [[setting.perTenant.key, setting]],
  ),
);

/** Who a tenant is: has no value that all share. */
const IDENTITY: ReadonlySet<Setting> = new Set<Setting>([
  SETTINGS.domain,
  SETTINGS.clientId,
  SETTINGS.clientSecret,
  SETTINGS.privateKey,
  SETTINGS.privateKeyId,
  SETTINGS.audience,
  SETTINGS.tenant,
]);

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const listed = z.array(scalar).transform((items) => items.join(','));
const reference = z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]);

/** The tenants of a file. Everything that is wrong goes to `problems`. */
export function parseTenantsFile(source: TenantsSource, problems: string[]): TenantConfig[] {
  const { file } = source;
  const { entries, defaults } = readTenantsFile(source, problems);
  const tenants = entries.flatMap(({ place, own }) => {
    const lookup = (setting: Setting): string | undefined =>
      own.get(setting) ?? (IDENTITY.has(setting) ? undefined : (defaults.get(setting) ?? source.env(setting.name)));
    const tenant = readTenant(createReader(lookup, problems, (setting) => `${place}: ${keyOf(setting)}`));
    return tenant === null ? [] : [tenant];
  });
  for (const name of twice(tenants.map((tenant) => tenant.name)))
    problems.push(`${file}: two tenants are called ${name}: give each a name of its own`);
  return tenants;
}

/** What a tenants file sets: for all its tenants, and for each, as texts by setting. */
export interface TenantsFileValues {
  defaults: ReadonlyMap<Setting, string>;
  entries: { label: string; place: string; own: ReadonlyMap<Setting, string> }[];
}

/** Reads what a file sets, and whether it may; what the values mean is not looked at. */
export function readTenantsFile(source: TenantsSource, problems: string[]): TenantsFileValues {
  const { file } = source;
  const document = parseDocument(source.text, { prettyErrors: true });
  const [syntax] = document.errors;
  if (syntax) {
    problems.push(`${file} is no YAML: ${syntax.message.split('\n')[0] ?? ''}`);
    return { defaults: new Map(), entries: [] };
  }
  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    // Aliases of aliases: a short text that would fill the memory.
    problems.push(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return { defaults: new Map(), entries: [] };
  }
  const parsed = z
    .strictObject({ defaults: z.unknown().optional(), tenants: z.array(z.unknown()).min(1) })
    .safeParse(content);
  if (!parsed.success) {
    problems.push(`${file} must hold "tenants", a list of at least one tenant, and may hold "defaults"; nothing else`);
    return { defaults: new Map(), entries: [] };
  }
  const defaults = valuesOf(source, `${file}: defaults`, parsed.data.defaults ?? {}, problems);
  for (const setting of IDENTITY)
    if (defaults.has(setting)) problems.push(`${file}: defaults: ${keyOf(setting)} belongs to a tenant`);
  const entries = parsed.data.tenants.map((entry, i) => {
    const label = labelOf(entry, i);
    const place = `${file}: ${label}`;
    return { label, place, own: valuesOf(source, place, entry, problems) };
  });
  return { defaults, entries };
}

function readTenant(reader: Reader): TenantConfig | null {
  const before = reader.problems.length;
  const identity = readIdentity(reader);
  const settings = readTenantSettings(reader);
  if (identity === null && reader.problems.length === before)
    reader.problem(`${reader.nameOf(SETTINGS.domain)} is missing`);
  return identity === null ? null : { ...identity, ...settings };
}

function keyOf(setting: Setting): string {
  return setting.perTenant?.key ?? setting.name;
}

function labelOf(entry: unknown, i: number): string {
  const named = z.object({ name: z.string().optional(), domain: z.string().optional() }).safeParse(entry).data;
  return named?.name ?? named?.domain ?? `tenant ${i + 1}`;
}

/** The values under their settings, as the texts that the environment would hold. */
function valuesOf(source: TenantsSource, place: string, entry: unknown, problems: string[]): Map<Setting, string> {
  const values = new Map<Setting, string>();
  for (const [key, value] of flatten(entry, place, problems)) {
    const setting = TENANT_SETTINGS.get(key);
    if (setting === undefined) {
      problems.push(`${place}: there is no "${key}"${suggestion(key)}`);
      continue;
    }
    const text = textOf(source, `${place}: ${key}`, setting, value, problems);
    if (text !== undefined) values.set(setting, text);
  }
  return values;
}

/** `{schedules: {logs: 60}}` as `schedules.logs`: 60. A reference to a variable or a file stays whole. */
function flatten(entry: unknown, place: string, problems: string[]): [string, unknown][] {
  const object = z.record(z.string(), z.unknown()).safeParse(entry);
  if (!object.success) {
    problems.push(`${place} must be a mapping of settings`);
    return [];
  }
  return Object.entries(object.data).flatMap(([key, value]): [string, unknown][] => {
    const isGroup = [...TENANT_SETTINGS.keys()].some((known) => known.startsWith(`${key}.`));
    if (!isGroup) return [[key, value]];
    return flatten(value ?? {}, `${place}: ${key}`, problems).map(([inner, deep]) => [`${key}.${inner}`, deep]);
  });
}

function textOf(
  { env, readFile }: TenantsSource,
  place: string,
  setting: Setting,
  value: unknown,
  problems: string[],
): string | undefined {
  const referred = reference.safeParse(value).data;
  if (referred !== undefined && 'env' in referred) {
    const text = env(referred.env);
    if (text === undefined) problems.push(`${place} refers to the variable ${referred.env}, which is not set`);
    return text;
  }
  if (referred !== undefined) {
    try {
      return readFile(referred.file).trimEnd();
    } catch (error) {
      problems.push(`${place} refers to the file ${referred.file}, which cannot be read (${reasonOf(error)})`);
      return undefined;
    }
  }
  if (setting.secret) {
    problems.push(`${place} is a secret and does not belong into the file: write { env: VARIABLE } or { file: PATH }`);
    return undefined;
  }
  const schema = setting.perTenant?.type === 'list' ? z.union([listed, scalar]) : scalar;
  const text = schema.safeParse(value);
  if (!text.success) problems.push(`${place} must be a ${setting.perTenant?.type ?? 'text'}`);
  return text.data;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}

function suggestion(key: string): string {
  const letters = (word: string) => word.toLowerCase().replaceAll(/[^a-z.]/g, '');
  const near = [...TENANT_SETTINGS.keys()].find(
    (known) => letters(known) === letters(key) || letters(known).startsWith(letters(key).slice(0, 6)),
  );
  return near === undefined ? `; there are ${[...TENANT_SETTINGS.keys()].join(', ')}` : `; did you mean ${near}?`;
}

function twice(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}
