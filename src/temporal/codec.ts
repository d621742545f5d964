import { webcrypto } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import protobuf from 'protobufjs';
import { z } from 'zod';
import { ExtractError } from '../contracts/errors.js';

/** A key of the payload codec. Its id is written beside what it has encrypted. */
export interface CodecKey {
  id: string;
  /** 32 bytes. */
  secret: Uint8Array;
}

const ENCODING = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const NONCE_BYTES = 12;

/**
 * Encrypts payloads with AES-256-GCM: the first key encrypts, all decrypt. The bytes are laid out as in Temporal's own
 * encryption samples (nonce, ciphertext, tag of the serialized payload), so that their codec servers can read them.
 * What was stored unencrypted before is passed on as it is. Decoding throws ExtractError (Configuration) for a key
 * that is not there or does not fit.
 */
export function createPayloadCodec(keys: readonly CodecKey[]): PayloadCodec {
  const [first] = keys;
  if (first === undefined) throw new Error('a payload codec needs a key');
  const imported = new Map<string, Promise<webcrypto.CryptoKey>>();
  const cryptoKey = ({ id, secret }: CodecKey): Promise<webcrypto.CryptoKey> => {
    const present = imported.get(id);
    if (present) return present;
    const bytes = new Uint8Array(secret);
    const made = webcrypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
    imported.set(id, made);
    return made;
  };
  const wire = payloadType();

  const encrypt = async (payload: Payload): Promise<Payload> => {
    const nonce = webcrypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = new Uint8Array(
      wire.encode(wire.create({ metadata: payload.metadata ?? {}, data: payload.data ?? new Uint8Array() })).finish(),
    );
    const sealed = await webcrypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, await cryptoKey(first), plain);
    return {
      metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(first.id) },
      data: Buffer.concat([nonce, new Uint8Array(sealed)]),
    };
  };
  const decrypt = async (payload: Payload): Promise<Payload> => {
    if (textOf(payload.metadata?.['encoding']) !== ENCODING) return payload;
    const id = textOf(payload.metadata?.[KEY_ID]);
    const key = keys.find((candidate) => candidate.id === id);
    if (!key) throw unreadable(`PAYLOAD_CODEC_KEYS has no key "${id}"; it has: ${idsOf(keys)}`);
    const data = new Uint8Array(payload.data ?? []);
    const [nonce, sealed] = [data.subarray(0, NONCE_BYTES), data.subarray(NONCE_BYTES)];
    try {
      const plain = await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, await cryptoKey(key), sealed);
      return payloadSchema.parse(wire.toObject(wire.decode(new Uint8Array(plain)), { objects: true }));
    } catch {
      throw unreadable(`the key "${id}" in PAYLOAD_CODEC_KEYS is another one than the key it was encrypted with`);
    }
  };
  return {
    encode: (payloads) => Promise.all(payloads.map((payload) => encrypt(payload))),
    decode: (payloads) => Promise.all(payloads.map((payload) => decrypt(payload))),
  };
}

/** For a side that has no keys: an encrypted payload is an error with a cure, instead of an unknown encoding. */
export const codecWithoutKeys: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  async decode(payloads) {
    for (const { metadata } of payloads) {
      if (textOf(metadata?.['encoding']) !== ENCODING) continue;
      const id = textOf(metadata?.[KEY_ID]);
      throw unreadable(`PAYLOAD_CODEC_KEYS is not set here; the key "${id}" is needed`);
    }
    return payloads;
  },
};

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const payloadSchema = z.object({ metadata: z.record(z.string(), bytes), data: bytes.default(() => new Uint8Array()) });

/** `temporal.api.common.v1.Payload`, as far as payloads of ours go. */
function payloadType(): protobuf.Type {
  return new protobuf.Type('Payload')
    .add(new protobuf.MapField('metadata', 1, 'string', 'bytes'))
    .add(new protobuf.Field('data', 2, 'bytes'));
}

function unreadable(reason: string): ExtractError {
  return new ExtractError('Configuration', `A payload of Temporal cannot be decrypted: ${reason}`);
}

function idsOf(keys: readonly CodecKey[]): string {
  return keys.map(({ id }) => id).join(', ');
}

function textOf(value: Uint8Array | null | undefined): string {
  return value ? Buffer.from(value).toString('utf8') : '';
}
