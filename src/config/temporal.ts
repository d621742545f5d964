import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type ConfigDataSource, loadConfigData } from '@temporalio/envconfig';
import { isLoopback } from '../auth0/loopback.js';
import type { CodecKey } from '../temporal/codec.js';
import type { Reader } from './reader.js';
import type { Setting } from './settings/setting.js';
import { TEMPORAL_SETTINGS as S } from './settings/temporal.js';
import { loadTemporalProfile, type TemporalProfile } from './temporal-profile.js';

/** TLS to a Temporal server. Null fields: the system's own certificates, the address' own name, no client certificate. */
export interface TemporalTls {
  /** PEM. */
  serverCa: Uint8Array | null;
  serverName: string | null;
  /** For mTLS, PEM. */
  client: { certificate: Uint8Array; key: Uint8Array } | null;
}

/** The Temporal server and how it is used. Secrets are in it: never print it. */
export interface TemporalConfig {
  /** Null: none is configured, and `up` starts one. */
  address: string | null;
  namespace: string;
  taskQueue: string;
  /** Null: a plain connection. */
  tls: TemporalTls | null;
  apiKey: string | null;
  /** Further gRPC headers: `grpc_meta` of the profile and TEMPORAL_GRPC_META_…. */
  headers: Readonly<Record<string, string>>;
  /** Keys of the payload codec; empty: payloads are not encrypted. */
  codecKeys: readonly CodecKey[];
  searchAttributes: 'auto' | 'on' | 'off';
  /** Worker versioning; null: off. */
  deployment: { name: string; buildId: string } | null;
}

type Read = Reader['read'];

/** The settings that envconfig knows, under the names by which it knows them. */
const SHARED: readonly Setting<string>[] = [
  S.temporalAddress,
  S.temporalNamespace,
  S.temporalProfile,
  S.temporalConfigFile,
  S.temporalApiKey,
  S.temporalClientCertPath,
  S.temporalClientCertData,
  S.temporalClientKeyPath,
  S.temporalClientKeyData,
  S.temporalServerCaPath,
  S.temporalServerCaData,
  S.temporalServerName,
];
/** Where the user's own temporal.toml is looked for. */
const FOLDERS: ReadonlySet<string> = new Set(['HOME', 'XDG_CONFIG_HOME', 'APPDATA']);
const HEADER = 'TEMPORAL_GRPC_META_';

/** Reads the settings of Temporal: the environment, and under it a profile of temporal.toml. Adds to `problems`. */
export function readTemporal(
  read: Read,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): TemporalConfig {
  const before = problems.length;
  const given = environmentFor(read, env);
  checkPairs(given, problems);
  const usable = problems.length === before;
  const profile = usable ? loadTemporalProfile(given, problems) : {};
  const address = validAddress(profile.address, problems);
  const apiKey = profile.apiKey ?? null;
  const wantsTls = profile.tls === undefined ? apiKey !== null : profile.tls.disabled !== true;
  const tls = wantsTls ? readTls(profile, problems) : null;
  const deployment = readDeployment(read, problems);
  const config: TemporalConfig = {
    address,
    namespace: profile.namespace ?? S.temporalNamespace.default ?? 'default',
    taskQueue: read(S.temporalTaskQueue) ?? '',
    tls,
    apiKey,
    headers: profile.grpcMeta ?? {},
    codecKeys: read(S.payloadCodecKeys) ?? [],
    searchAttributes: read(S.temporalSearchAttributes) ?? 'auto',
    deployment,
  };
  if (usable) checkWhole(config, problems);
  return config;
}

/** The environment as envconfig is to see it: checked, without empty values, and defaults of ours not over a profile. */
function environmentFor(read: Read, env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given: Record<string, string> = {};
  for (const { default: _, ...withoutDefault } of SHARED) {
    const value = read(withoutDefault);
    if (value !== undefined) given[withoutDefault.name] = value;
  }
  const tls = read(S.temporalTls) ?? 'auto';
  if (tls !== 'auto') given[S.temporalTls.name] = tls;
  for (const [name, value] of Object.entries(env))
    if ((FOLDERS.has(name) || name.startsWith(HEADER)) && value !== undefined && value.trim() !== '')
      given[name] = value;
  return given;
}

function checkPairs(given: Readonly<Record<string, string>>, problems: string[]): void {
  for (const what of ['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT']) {
    const [path, data] = [`TEMPORAL_TLS_${what}_PATH`, `TEMPORAL_TLS_${what}_DATA`];
    if (given[path] !== undefined && given[data] !== undefined)
      problems.push(`${path} is set, and ${data} too: keep one of them`);
  }
}

/** That of the environment has been checked by its setting; a profile's has not. */
function validAddress(address: string | undefined, problems: string[]): string | null {
  if (address === undefined) return null;
  const parsed = S.temporalAddress.schema.safeParse(address);
  if (parsed.success) return parsed.data;
  problems.push(
    `TEMPORAL_ADDRESS ${parsed.error.issues[0]?.message} (the profile says "${address.replace(/\/\/.*@/, '//***@')}")`,
  );
  return null;
}

function readTls({ tls = {} }: TemporalProfile, problems: string[]): TemporalTls {
  const serverCa = readPem(tls.serverCACert, 'TEMPORAL_TLS_SERVER_CA_CERT_PATH', isCertificate, problems);
  const certificate = readPem(tls.clientCert, 'TEMPORAL_TLS_CLIENT_CERT_PATH', isCertificate, problems);
  const key = readPem(tls.clientKey, 'TEMPORAL_TLS_CLIENT_KEY_PATH', isPrivateKey, problems);
  if (tls.clientCert && !tls.clientKey)
    problems.push('TEMPORAL_TLS_CLIENT_KEY_PATH is missing (there is a client certificate)');
  if (tls.clientKey && !tls.clientCert)
    problems.push('TEMPORAL_TLS_CLIENT_CERT_PATH is missing (there is a client key)');
  const client = certificate && key ? { certificate, key } : null;
  if (client && !new X509Certificate(client.certificate).checkPrivateKey(createPrivateKey(Buffer.from(client.key))))
    problems.push('TEMPORAL_TLS_CLIENT_KEY_PATH is not the key of the client certificate');
  return { serverCa, client, serverName: tls.serverName ?? null };
}

/** Reads a file, or takes what stands in its place. `variable` names it for messages, which never hold the text. */
function readPem(
  source: ConfigDataSource | undefined,
  variable: string,
  problemOf: (pem: Buffer) => string | undefined,
  problems: string[],
): Uint8Array | null {
  if (source === undefined) return null;
  const name = 'path' in source ? variable : variable.replace(/_PATH$/, '_DATA');
  const shown = 'path' in source ? ` (${source.path})` : '';
  let data: Uint8Array | undefined;
  try {
    data = loadConfigData(source);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    problems.push(`${name} cannot be read (${'path' in source ? `${source.path}: ` : ''}${code})`);
    return null;
  }
  const problem = data && problemOf(Buffer.from(data));
  if (problem !== undefined) problems.push(`${name} ${problem}${shown}`);
  return problem === undefined ? (data ?? null) : null;
}

function isCertificate(pem: Buffer): string | undefined {
  try {
    // gRPC takes PEM only, this constructor DER too.
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return void new X509Certificate(pem);
  } catch {
    // As below.
  }
  return 'is no PEM certificate';
}

function isPrivateKey(pem: Buffer): string | undefined {
  try {
    createPrivateKey(pem);
    return undefined;
  } catch {
    return pem.includes('ENCRYPTED') ? 'is protected by a passphrase, which cannot be given' : 'is no PEM private key';
  }
}

function readDeployment(read: Read, problems: string[]): TemporalConfig['deployment'] {
  const before = problems.length;
  const [name, buildId] = [read(S.workerDeploymentName), read(S.workerBuildId)];
  if (name !== undefined && buildId !== undefined) return { name, buildId };
  if (problems.length > before) return null;
  const [missing, set] =
    name === undefined ? [S.workerDeploymentName, S.workerBuildId] : [S.workerBuildId, S.workerDeploymentName];
  if (name !== undefined || buildId !== undefined) problems.push(`${missing.name} is missing (${set.name} is set)`);
  return null;
}

/** What only shows when all is put together. */
function checkWhole({ address, tls, apiKey, deployment }: TemporalConfig, problems: string[]): void {
  if (address === null) {
    // Without an address a development server is started: it has no TLS, takes no keys, and no version is current on it.
    const because = [
      apiKey !== null && S.temporalApiKey.name,
      tls !== null && 'TLS',
      deployment !== null && S.workerDeploymentName.name,
    ].find((name) => name !== false);
    const named = problems.some((problem) => problem.startsWith(`${S.temporalAddress.name} `));
    if (because !== undefined && !named) problems.push(`TEMPORAL_ADDRESS is missing (${because} is set)`);
  } else if (apiKey !== null && tls === null && !isLoopback(hostOf(address))) {
    problems.push(
      `TEMPORAL_TLS must not be off with an API key: the key would travel to ${address} for everybody to read`,
    );
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
