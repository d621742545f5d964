import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TemporalTarget } from './connection-options.js';

/** Why a server cannot be talked to. `tls`: no later try can do better, a setting is wrong. `away`: one may. */
export interface ConnectionProblem {
  reason: 'tls' | 'away';
  message: string;
}

/** The connection preface of HTTP/2 and an empty SETTINGS frame: what a gRPC server answers with its own SETTINGS. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS_FRAME = 4;

/**
 * Finds out why a connection fails, by making one up to the first answer. gRPC's clients say "failed to connect" for
 * a wrong certificate as for a wrong port, and only after their time is over. Null: it can be made. Sends no credentials
 * but the client certificate. Never throws.
 */
export async function probeConnection(target: TemporalTarget, timeoutMs: number): Promise<ConnectionProblem | null> {
  const { host, port } = splitAddress(target.address);
  const end = await firstAnswer(target.tls === null ? connectTcp({ host, port }) : openTls(target), timeoutMs);
  if (end.kind === 'data') return problemOfAnswer(end.first, target);
  if (end.kind === 'error') return problemOfCode(codeOf(end.error), target);
  if (target.tls === null && end.kind === 'closed' && (await speaksTls(host, port, timeoutMs))) return wantsTls(target);
  return away(end.kind === 'closed' ? reasonOfClose(target) : 'no answer');
}

/** A server that refuses a client certificate should send an alert; some only hang up, as one that is starting does. */
function reasonOfClose({ tls }: TemporalTarget): string {
  const what = 'the connection is closed before an answer';
  if (tls === null) return what;
  return tls.client
    ? `${what}: the server may be starting, or refuse the client certificate in TEMPORAL_TLS_CLIENT_CERT_PATH`
    : `${what}: the server may be starting, or want a client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH)`;
}

function openTls({ address, tls }: TemporalTarget): Socket {
  const { host, port } = splitAddress(address);
  return connectTls({
    host,
    port,
    // An IP address is no server name in TLS; it is checked against the certificate all the same.
    servername: tls?.serverName ?? (isIP(host) === 0 ? host : ''),
    ALPNProtocols: ['h2'],
    ...(tls?.serverCa && { ca: Buffer.from(tls.serverCa) }),
    ...(tls?.client && { cert: Buffer.from(tls.client.certificate), key: Buffer.from(tls.client.key) }),
  });
}

type Answer = { kind: 'data'; first: Buffer } | { kind: 'error'; error: unknown } | { kind: 'closed' | 'silent' };

/** With TLS 1.3 a refused client certificate shows only when the first bytes are read. */
function firstAnswer(socket: Socket, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    };
    const timer = setTimeout(() => settle({ kind: 'silent' }), timeoutMs);
    socket.on('error', (error) => settle({ kind: 'error', error }));
    socket.on('close', () => settle({ kind: 'closed' }));
    socket.on('data', (first) => settle({ kind: 'data', first }));
    socket.write(PREFACE);
  });
}

async function speaksTls(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is sent over it: whether the server has a certificate at all is the question.
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: timeoutMs });
    const settle = (spoke: boolean): void => {
      resolve(spoke);
      socket.destroy();
    };
    socket.on('secureConnect', () => settle(true));
    socket.on('timeout', () => settle(false));
    socket.on('error', (error) => settle(/ALERT/.test(codeOf(error))));
  });
}

function problemOfAnswer(first: Buffer, target: TemporalTarget): ConnectionProblem | null {
  if (first[3] === SETTINGS_FRAME) return null;
  // An alert record of TLS.
  if (first[0] === 0x15) return wantsTls(target);
  return { reason: 'tls', message: `${target.address} is no Temporal server: what listens there does not speak gRPC` };
}

function wantsTls({ address }: TemporalTarget): ConnectionProblem {
  return { reason: 'tls', message: `${address} wants TLS, and TLS is off: set TEMPORAL_TLS=true` };
}

function away(why: string): ConnectionProblem {
  return { reason: 'away', message: why };
}

const AWAY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused: nothing listens there',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name could not be looked up',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'the connection is cut before an answer',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
};

function problemOfCode(code: string, { address, tls }: TemporalTarget): ConnectionProblem {
  const known = AWAY[code];
  if (known !== undefined) return away(known);
  const refused = (what: string): ConnectionProblem => ({ reason: 'tls', message: `${what} (${code})` });
  if (/^(DEPTH_ZERO_)?SELF_SIGNED|^UNABLE_TO_|^CERT_(SIGNATURE|UNTRUSTED|CHAIN)|^INVALID_CA/.test(code))
    return refused(
      `the certificate of ${address} is not signed by ${tls?.serverCa ? 'the CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH' : "one of the system's CAs: name its CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH"}`,
    );
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return refused(
      `the certificate of ${address} is for another name: correct TEMPORAL_ADDRESS, or give the certificate's name in TEMPORAL_TLS_SERVER_NAME`,
    );
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return refused(`the certificate of ${address} is not valid now: check it, and this machine's clock`);
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE/.test(code))
    return refused(`${address} does not speak TLS: check the port, or set TEMPORAL_TLS=false`);
  if (/ALERT/.test(code))
    return refused(
      tls?.client
        ? `${address} refuses the client certificate: check that TEMPORAL_TLS_CLIENT_CERT_PATH is valid and signed by a CA that the namespace accepts`
        : `${address} wants a client certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH`,
    );
  return away(code);
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  // OpenSSL's reason is in the code, or, where it came up while writing, in the message only.
  const [, reason] = /SSL routines:[^:]*:([^:]+)/.exec(error instanceof Error ? error.message : '') ?? [];
  if (reason !== undefined) return reason.toUpperCase().replaceAll(' ', '_');
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
