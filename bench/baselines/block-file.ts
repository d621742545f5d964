import { open } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { BaselineSpec } from './spec.js';

/** The file in this form. */
export function fileOf({ file, form }: Pick<BaselineSpec, 'file' | 'form'>): string {
  return `${file}.${form}`;
}

/** Bodies of inserts that lie ready in a file, each behind its number of rows and of bytes. */
export interface BlockFileWriter {
  write(rows: number, pieces: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

const HEAD_BYTES = 8;

/** Begins a new file. */
export function createBlockFile(path: string): BlockFileWriter {
  const file = createWriteStream(path);
  return {
    async write(rows, pieces) {
      const head = Buffer.alloc(HEAD_BYTES);
      const body = Buffer.concat(pieces);
      head.writeUInt32LE(rows);
      head.writeUInt32LE(body.length, 4);
      file.write(head);
      // A copy: the block's memory is used again for the next one.
      if (!file.write(body)) await once(file, 'drain');
    },
    async close() {
      file.end();
      await once(file, 'close');
    },
  };
}

/** The bodies of a file one after another; one is valid until the next. */
export async function* readBlockFile(path: string): AsyncGenerator<{ rows: number; body: Buffer }> {
  const file = await open(path);
  try {
    let memory = Buffer.alloc(0);
    for (;;) {
      const head = Buffer.alloc(HEAD_BYTES);
      const { bytesRead } = await file.read(head, 0, HEAD_BYTES);
      if (bytesRead < HEAD_BYTES) return;
      const bytes = head.readUInt32LE(4);
      if (memory.length < bytes) memory = Buffer.allocUnsafeSlow(bytes);
      await file.read(memory, 0, bytes);
      yield { rows: head.readUInt32LE(0), body: memory.subarray(0, bytes) };
    }
  } finally {
    await file.close();
  }
}
