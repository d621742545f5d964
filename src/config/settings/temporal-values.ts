import { z } from 'zod';
import type { CodecKey } from '../../temporal/codec.js';
import { text } from './values.js';

/** Text that can travel in a header: an API key with a line break in it would be refused deep inside gRPC. */
export const headerText = text.regex(/^[\x21-\x7e]+$/, 'must be one line of printable characters without spaces');

/** PEM text; `\n` stands for a line break, for places where a value has one line. */
export const pem = text.transform((value) => value.replaceAll('\\n', '\n'));

/** `id:base64,id2:base64`: the keys of the payload codec. Says which entry is wrong, never what it is. */
export const codecKeys = text.transform((value, context): CodecKey[] => {
  const keys: CodecKey[] = [];
  for (const [i, entry] of value.split(',').entries()) {
    const [, id, encoded] = /^\s*([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/_-]{42,43}=?)\s*$/.exec(entry) ?? [];
    const secret = encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
    const problem =
      id === undefined || secret?.length !== 32
        ? 'is not id:base64 of 32 bytes (make one with: openssl rand -base64 32)'
        : keys.some((key) => key.id === id)
          ? `has the id "${id}" of another one`
          : undefined;
    if (id === undefined || secret === undefined || problem !== undefined) {
      context.addIssue({ code: 'custom', message: `must hold keys: entry ${i + 1} ${problem}` });
      return z.NEVER;
    }
    keys.push({ id, secret });
  }
  return keys;
});
