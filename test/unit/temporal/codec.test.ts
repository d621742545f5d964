import { createDecipheriv } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { ExtractError } from '../../../src/contracts/errors.js';
import { codecWithoutKeys, createPayloadCodec } from '../../../src/temporal/codec.js';

const OLD = { id: 'old', secret: Buffer.alloc(32, 1) };
const NEW = { id: 'new', secret: Buffer.alloc(32, 2) };
const VALUE = { cursor: '90020260101000000000000000000000000', rows: 1_000 };
const payload = defaultPayloadConverter.toPayload(VALUE);

async function errorOf(decoding: Promise<unknown>): Promise<string> {
  const error: unknown = await decoding.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ExtractError);
  return error instanceof ExtractError ? `${error.kind}: ${error.message}` : '';
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

function only(payloads: Payload[]): Payload {
  return payloads[0] ?? expect.fail('there is no payload');
}

describe('the payload codec', () => {
  it('gives back what it got, and shows nothing of it in between', async () => {
    const codec = createPayloadCodec([NEW, OLD]);
    const sealed = await codec.encode([payload, payload]);
    expect(sealed.map(({ metadata }) => [text(metadata?.['encoding']), text(metadata?.['encryption-key-id'])])).toEqual(
      [
        ['binary/encrypted', 'new'],
        ['binary/encrypted', 'new'],
      ],
    );
    for (const { data } of sealed) expect(text(data)).not.toContain('cursor');
    const opened = await codec.decode(sealed);
    expect(opened.map((each) => defaultPayloadConverter.fromPayload(each))).toEqual([VALUE, VALUE]);
  });

  it('takes a fresh nonce for each payload', async () => {
    const codec = createPayloadCodec([NEW]);
    const sealed = await codec.encode(Array.from({ length: 200 }, () => payload));
    expect(
      new Set(
        sealed.map(({ data }) =>
          Buffer.from(data ?? [])
            .subarray(0, 12)
            .toString('hex'),
        ),
      ).size,
    ).toBe(200);
  });

  it('lays its bytes out as Temporal’s own samples do: nonce, ciphertext, tag of the serialized payload', async () => {
    const { data } = only(await createPayloadCodec([NEW]).encode([payload]));
    const bytes = Buffer.from(data ?? []);
    const decipher = createDecipheriv('aes-256-gcm', NEW.secret, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    const plain = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    // Field 1 of the message, a map entry with the key `encoding`.
    expect(plain[0]).toBe(0x0a);
    expect(plain.toString()).toContain('json/plain');
    expect(plain.toString()).toContain(JSON.stringify(VALUE));
  });

  it('reads what an older key has encrypted, and what nobody has', async () => {
    const before = await createPayloadCodec([OLD]).encode([payload]);
    const opened = await createPayloadCodec([NEW, OLD]).decode([...before, payload]);
    expect(opened.map((each) => defaultPayloadConverter.fromPayload(each))).toEqual([VALUE, VALUE]);
  });

  it('keeps payloads without data, as for no value', async () => {
    const codec = createPayloadCodec([NEW]);
    const nothing = defaultPayloadConverter.toPayload(undefined);
    const opened = only(await codec.decode(await codec.encode([nothing])));
    expect(defaultPayloadConverter.fromPayload(opened)).toBeUndefined();
  });

  it('names the key that is missing, or is another one', async () => {
    const sealed = await createPayloadCodec([OLD]).encode([payload]);
    expect(await errorOf(createPayloadCodec([NEW]).decode(sealed))).toBe(
      'Configuration: A payload of Temporal cannot be decrypted: PAYLOAD_CODEC_KEYS has no key "old"; it has: new',
    );
    const wrong = { id: 'old', secret: Buffer.alloc(32, 9) };
    expect(await errorOf(createPayloadCodec([wrong]).decode(sealed))).toMatch(/the key "old" .* is another one/);
    expect(await errorOf(codecWithoutKeys.decode(sealed))).toMatch(/PAYLOAD_CODEC_KEYS is not set here; the key "old"/);
    expect(await codecWithoutKeys.decode([payload])).toEqual([payload]);
  });

  it('does not believe bytes that were changed or cut', async () => {
    const codec = createPayloadCodec([NEW]);
    const sealed = only(await codec.encode([payload]));
    const changed = Buffer.from(sealed.data ?? []);
    changed[20] = (changed[20] ?? 0) ^ 1;
    for (const data of [changed, changed.subarray(0, 8), new Uint8Array()])
      expect(await errorOf(codec.decode([{ ...sealed, data }]))).toContain('key "new"');
  });
});
