import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import type { Reply } from './exchange.js';
import type { FaultAction, FaultRule } from './faults.js';
import { sendReply, sendTruncated } from './send.js';

const GATEWAY_PAGE =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>\n';

/**
 * Answers a request as a fault rule says. `handle` carries the request out; it is called when the answer is needed, or when the
 * rule says that the request is carried out first. Resolves with the status that was sent, 0 where none was.
 */
export async function answerWithFault(rule: FaultRule, response: ServerResponse, handle: () => Reply): Promise<number> {
  const reply = needsReply(rule) ? handle() : undefined;
  const { action } = rule;
  if (action === 'reset') {
    response.socket?.resetAndDestroy();
    return 0;
  }
  if (action === 'hang') return 0;
  if (action === 'html') {
    const headers = { 'content-type': 'text/html', server: 'cloudflare' };
    await sendReply(response, { status: 502, headers, body: Buffer.from(GATEWAY_PAGE) });
    return 502;
  }
  if (typeof action === 'object' && 'status' in action) {
    await sendReply(response, statusReply(action));
    return action.status;
  }
  if (typeof action === 'object' && 'delayMs' in action) {
    await delay(action.delayMs);
    const late = handle();
    await sendReply(response, late);
    return late.status;
  }
  const whole = reply ?? handle();
  await sendTruncated(response, whole, action === 'truncate' ? undefined : action.truncateAfterBytes);
  return whole.status;
}

function needsReply({ action, afterHandling }: FaultRule): boolean {
  const isDelay = typeof action === 'object' && 'delayMs' in action;
  return afterHandling === true && !isDelay;
}

function statusReply(action: Extract<FaultAction, { readonly status: number }>): Reply {
  const { status, body, headers } = action;
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  const text = isText
    ? body
    : JSON.stringify(body ?? { statusCode: status, error: 'Fault', message: `Injected fault ${status}` });
  return { status, headers: { 'content-type': type, ...headers }, body: Buffer.from(text) };
}
