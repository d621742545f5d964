import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

import { wireBytes, type WireText } from './wire-text.js';

/** A request as the routes see it. */
export interface EmulatorRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Values of the `{...}` parts of the route's path, decoded. */
  readonly parameters: readonly string[];
  /** Scheme, host and port that the request was sent to. */
  readonly origin: string;
  /** When the request came, in milliseconds. */
  readonly nowMs: number;
}

/** An answer: its body whole, or a stream opened when it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | (() => Readable);
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answer with JSON text that was rendered already. */
export function wireReply(text: WireText, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers: { 'content-type': JSON_TYPE, ...headers }, body: wireBytes(text) };
}

/** Answer with a value as JSON. */
export function jsonReply(value: unknown, status = 200): Reply {
  return { status, headers: { 'content-type': JSON_TYPE }, body: Buffer.from(JSON.stringify(value)) };
}

/** Answer without a body. */
export function emptyReply(): Reply {
  return { status: 204, headers: {}, body: Buffer.alloc(0) };
}
