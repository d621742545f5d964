import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { downloadLines, splitLines } from '../../../src/auth0/export-download.js';
import { createExportJob, downloadUrl, readExportJob, waitForExport } from '../../../src/auth0/export-job.js';
import { readExportLine } from '../../../src/auth0/page-fetch.js';
import type { ApiRequest, ManagementApi } from '../../../src/auth0/http.js';
import { ExtractError } from '../../../src/contracts/errors.js';
import { isCut } from '../../../src/json/skim.js';
import { type LoopbackServer, startServer } from './loopback-server.js';

const ORIGIN = 'https://acme.eu.auth0.com';
const signal = new AbortController().signal;

async function* chunked(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function collect(batches: AsyncIterable<string[]>): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of batches) lines.push(...batch);
  return lines;
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof ExtractError ? error.kind : String(error);
  }
  return 'no error';
}

describe('lines', () => {
  const TEXT = '{"n":"é"}\n\n{"e":"😀"}\r\n \n\n{"last":"ü"}';
  const LINES = ['{"n":"é"}', '{"e":"😀"}\r', '{"last":"ü"}'];

  it('are the same wherever the bytes are split', async () => {
    for (const text of [TEXT, `${TEXT}\n`, `${TEXT}\n\n`]) {
      const bytes = Buffer.from(text);
      for (let a = 0; a <= bytes.length; a++)
        for (const b of new Set([a, Math.min(a + 1, bytes.length), bytes.length])) {
          const chunks = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)];
          expect(await collect(splitLines(chunked(chunks))), `${a} ${b}`).toEqual(LINES);
        }
      expect(await collect(splitLines(chunked([...bytes].map((byte) => Uint8Array.of(byte)))))).toEqual(LINES);
    }
  });

  it('may be none', async () => {
    for (const text of ['', '\n', ' \r\n\n'])
      expect(await collect(splitLines(chunked([Buffer.from(text)])))).toEqual([]);
    expect(await collect(splitLines(chunked([])))).toEqual([]);
  });

  it('come as they arrive, not at the end', async () => {
    const batches: string[][] = [];
    for await (const batch of splitLines(chunked([Buffer.from('a\nb\nc'), Buffer.from('c\nd')]))) batches.push(batch);
    expect(batches).toEqual([['a', 'b'], ['cc'], ['d']]);
  });

  it('that are no UTF-8 are refused', async () => {
    for (const bytes of [
      [0xff, 0x0a],
      [0xc3, 0x0a, 0xa9],
      [0x61, 0x0a, 0xe2, 0x82],
    ])
      expect(await kindOf(collect(splitLines(chunked([Uint8Array.from(bytes)]))))).toBe('UnreadableAnswer');
  });

  it('without an end are refused before they fill the memory', async () => {
    const piece = new Uint8Array(4 * 1024 * 1024).fill(0x61);
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        taken++;
        yield piece;
      }
    }
    expect(await kindOf(collect(splitLines(endless())))).toBe('SourceStuck');
    expect(taken).toBeLessThan(20);
  });

  it('that are too long are given without their large values, and those behind them whole', async () => {
    const long = JSON.stringify({ user_id: 'auth0|1', user_metadata: { text: 'x'.repeat(30_000) } });
    for (const size of [7, 1_000, 100_000]) {
      const bytes = Buffer.from(`{"user_id":"auth0|0"}\n${long}\n{"user_id":"auth0|2"}\n${long}`);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_c, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const lines = await collect(splitLines(chunked(chunks), 10_000));
      // A whole chunk of lines is taken as it comes.
      if (size > 10_000) continue;
      expect(lines.map((line) => [isCut(line), readExportLine(line)?.value['user_id']])).toEqual([
        [false, 'auth0|0'],
        [true, 'auth0|1'],
        [false, 'auth0|2'],
        [true, 'auth0|1'],
      ]);
    }
  });

  it('that are all empty are an end of its own', async () => {
    const blank = Buffer.alloc(1024 * 1024, '\n');
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield blank;
    }
    expect(await kindOf(collect(splitLines(endless())))).toBe('SourceStuck');
  });
});

/** Longer than any test. */
const TIMEOUT_MS = 60_000;

describe('download', () => {
  let server: LoopbackServer | undefined;
  afterEach(async () => server?.close());

  const FILE = Array.from({ length: 3_000 }, (_, n) => `{"user_id":"auth0|${n}","r":"${(n * 7_919) % 104_729}é"}`);
  const GZIP = gzipSync(`${FILE.join('\n')}\n`);

  async function download(answer: Parameters<typeof startServer>[0]): Promise<string[]> {
    server = await startServer(answer);
    return collect(downloadLines(new URL('/file?Signature=x', server.origin), signal, TIMEOUT_MS));
  }
  const send = (body: Buffer | string, status = 200) =>
    download((_request, response) => {
      response.writeHead(status);
      response.end(body);
    });

  it('unpacks the file', async () => {
    expect(await send(GZIP)).toEqual(FILE);
    // S3 answers a second authentication with a 400, and it is another host.
    expect(server?.received[0]?.headers.authorization).toBeUndefined();
  });

  it('takes a file that is not packed, and one whose headers say that it is', async () => {
    expect(await send(FILE.join('\n'))).toEqual(FILE);
    await server?.close();
    const unpacked = await download((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(GZIP);
    });
    expect(unpacked).toEqual(FILE);
  });

  it('knows a packed file by its first two bytes, however they arrive', async () => {
    const lines = await download(async (_request, response) => {
      response.writeHead(200);
      for (const piece of [GZIP.subarray(0, 1), GZIP.subarray(1, 2), GZIP.subarray(2)]) {
        response.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
      response.end();
    });
    expect(lines).toEqual(FILE);
  });

  it('takes a packed file without users', async () => {
    expect(await send(gzipSync(''))).toEqual([]);
  });

  it.each([0, 1, 2, 9, 100, GZIP.length - 9, GZIP.length - 1])(
    'refuses a packed file of only %i bytes',
    async (length) => {
      expect(await kindOf(send(GZIP.subarray(0, length)))).toBe('UnreadableAnswer');
    },
  );

  it('refuses a packed file that was changed', async () => {
    const changed = Buffer.from(GZIP);
    changed.writeUInt32LE((changed.readUInt32LE(GZIP.length - 8) ^ 1) >>> 0, GZIP.length - 8);
    expect(await kindOf(send(changed))).toBe('UnreadableAnswer');
  });

  it('says that the connection broke', async () => {
    const broken = download((_request, response) => {
      response.writeHead(200, { 'content-length': String(GZIP.length) });
      response.write(GZIP.subarray(0, 5_000));
      setTimeout(() => response.destroy(), 20);
    });
    expect(await kindOf(broken)).toBe('TenantUnreachable');
  });

  it.each([
    [403, 'ExportLinkExpired'],
    [400, 'ExportLinkExpired'],
    [404, 'ExportLinkExpired'],
    [503, 'TenantUnavailable'],
  ])('says of HTTP %i: %s', async (status, kind) => {
    expect(await kindOf(send('<Error><Code>AccessDenied</Code></Error>', status))).toBe(kind);
  });

  it('stops for a signal, with its reason', async () => {
    const reason = new Error('cancelled');
    for (const body of [GZIP.subarray(0, 5_000), null]) {
      const controller = new AbortController();
      server = await startServer((_request, response) => {
        if (body) {
          response.writeHead(200);
          response.write(body);
        }
        setTimeout(() => controller.abort(reason), 20);
      });
      const lines = collect(downloadLines(new URL(server.origin), controller.signal, TIMEOUT_MS));
      expect(await kindOf(lines)).toBe(String(reason));
      await server.close();
    }
  });

  it.each([
    ['never answered', null],
    ['answered in part', GZIP.subarray(0, 5_000)],
  ])('is given up when it is %s and nothing more comes', async (_what, body) => {
    server = await startServer((_request, response) => {
      if (body === null) return;
      response.writeHead(200);
      response.write(body);
    });
    const lines = collect(downloadLines(new URL(server.origin), signal, 100));
    await expect(lines).rejects.toMatchObject({ kind: 'TenantUnreachable', context: { code: 'TimeoutError' } });
  });

  it('does not count the time in which lines are stored', async () => {
    server = await startServer((_request, response) => {
      response.writeHead(200);
      response.end(GZIP);
    });
    const lines: string[] = [];
    for await (const batch of downloadLines(new URL(server.origin), signal, 500)) {
      if (lines.length === 0)
        await new Promise((resolve) => {
          setTimeout(resolve, 700);
        });
      lines.push(...batch);
    }
    expect(lines).toEqual(FILE);
  });

  it('may be left in the middle', async () => {
    server = await startServer((_request, response) => {
      response.writeHead(200);
      response.write(gzipSync(FILE.join('\n')));
    });
    for await (const batch of downloadLines(new URL(server.origin), signal, TIMEOUT_MS)) {
      expect(batch[0]).toBe(FILE[0]);
      break;
    }
  });
});

it('a file that hardly comes is an error', async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('{'), 10);
    response.on('close', () => clearInterval(drip));
  });
  expect(await kindOf(collect(downloadLines(new URL(server.origin), signal, 100)))).toBe('TenantUnreachable');
  await server.close();
});

describe('job', () => {
  /** A tenant that gives one answer. */
  function tenant(text: string, serverTime = 7) {
    const sent: ApiRequest[] = [];
    const api: ManagementApi = {
      origin: ORIGIN,
      timeoutMs: TIMEOUT_MS,
      async send(request) {
        sent.push(request);
        return { headers: new Headers(), text, sentAt: 7, serverTime };
      },
      requests: () => sent.length,
    };
    return { api, sent };
  }

  it('is asked for by name of every field, each once', async () => {
    const { api, sent } = tenant(
      '{"type":"users_export","status":"pending","id":"job_1","created_at":"2026-01-02T03:04:05.678Z"}',
    );
    const job = await createExportJob(api, ['user_id', 'email', 'user_id'], signal);
    expect(sent).toEqual([
      {
        method: 'POST',
        path: '/api/v2/jobs/users-exports',
        body: { format: 'json', fields: [{ name: 'user_id' }, { name: 'email' }] },
      },
    ]);
    const createdAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    expect(job).toEqual({ id: 'job_1', state: 'open', createdAt, location: undefined, answeredAt: 7 });
  });

  it("has the tenant's time where it names none of its own", async () => {
    const { api } = tenant('{"status":"pending","id":"job_1"}', Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(await createExportJob(api, [], signal)).toMatchObject({
      createdAt: undefined,
      answeredAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    });
  });

  it('is read by its id', async () => {
    const { api, sent } = tenant(
      '{"type":"users_export","status":"completed","id":"job/1","location":"s3.example/x","percentage_done":100}',
    );
    expect(await readExportJob(api, 'job/1', signal)).toMatchObject({ state: 'completed', location: 's3.example/x' });
    expect(sent[0]?.path).toBe('/api/v2/jobs/job%2F1');
  });

  it('may name what it does not have yet as null', async () => {
    const { api } = tenant('{"status":"pending","id":"job_1","location":null,"created_at":null}');
    expect(await readExportJob(api, 'job_1', signal)).toEqual({
      id: 'job_1',
      state: 'open',
      createdAt: undefined,
      location: undefined,
    });
  });

  it.each([
    ['pending', 'open'],
    ['processing', 'open'],
    ['in_progress', 'open'],
    ['QUEUED', 'open'],
    ['completed', 'completed'],
    ['succeeded', 'completed'],
    ['failed', 'failed'],
    ['expired', 'failed'],
    ['cancelled', 'failed'],
    ['inactive', 'failed'],
    ['42', 'failed'],
    ['', 'failed'],
  ])('with the status "%s" is %s', async (status, state) => {
    const { api } = tenant(JSON.stringify({ id: 'job_1', status }));
    expect((await readExportJob(api, 'job_1', signal))?.state).toBe(state);
  });

  it('is waited for no longer than its time', async () => {
    const job = { id: 'job_1', state: 'open', createdAt: undefined, location: undefined } as const;
    let asked = 0;
    const read = async () => {
      asked++;
      return job;
    };
    expect(await waitForExport(read, { until: Date.now(), signal })).toEqual({ outcome: 'late' });
    expect(asked).toBe(1);
    const done = { ...job, state: 'completed', location: 's3.example/x' } as const;
    expect(await waitForExport(async () => done, { until: 0, signal })).toEqual({ outcome: 'completed' });
  });

  it.each([
    [409, 'Conflict'],
    [400, 'There is 1 active export users job, please wait until it is finished and try again'],
    [429, 'Another export is already running'],
  ])('waits while another one is under way (%i %s)', async (status, message) => {
    const { api } = tenant('{"status":"pending","id":"job_1"}');
    let tries = 0;
    const busy: ManagementApi = {
      ...api,
      async send(request) {
        if (++tries < 3) throw new ExtractError('InvalidRequest', message, { status }, { retryAfterMs: 1 });
        return api.send(request);
      },
    };
    expect((await createExportJob(busy, [], signal)).id).toBe('job_1');
    expect(tries).toBe(3);
  });

  it('that is refused for anything else is not waited for', async () => {
    const { api } = tenant('{}');
    const refusing: ManagementApi = {
      ...api,
      async send() {
        throw new ExtractError('InvalidRequest', 'Payload validation error on property fields.', { status: 400 });
      },
    };
    expect(await kindOf(createExportJob(refusing, [], signal))).toBe('InvalidRequest');
  });

  it('is null when it is gone; other errors stand', async () => {
    const { api } = tenant('{}');
    const failing = (error: Error): ManagementApi => ({
      ...api,
      async send() {
        throw error;
      },
    });
    const gone = new ExtractError('InvalidRequest', 'Job not found.', { status: 404 });
    expect(await readExportJob(failing(gone), 'job_1', signal)).toBeNull();
    const scope = new ExtractError('InsufficientScope', 'm', { status: 403 });
    expect(await kindOf(readExportJob(failing(scope), 'job_1', signal))).toBe('InsufficientScope');
  });

  it.each(['', '[]', 'null', '{"id":"job_1"}', '{"status":"pending"}', '{"id":1,"status":"pending"}', '<html>'])(
    'is not %s',
    async (text) => {
      expect(await kindOf(readExportJob(tenant(text).api, 'job_1', signal))).toBe('UnreadableAnswer');
    },
  );
});

describe('download link', () => {
  it.each([
    ['https://s3.us-west-2.amazonaws.com/job_1/acme.json.gz?Expires=1', undefined],
    [
      'l0-prod-export-users.s3.us-west-2.amazonaws.com/job_1/acme.csv.gz?Signature=a%2Bb',
      'https://l0-prod-export-users.s3.us-west-2.amazonaws.com/job_1/acme.csv.gz?Signature=a%2Bb',
    ],
    ['HTTPS://s3.example/x', 'https://s3.example/x'],
    ['/exports/x', `${ORIGIN}/exports/x`],
    ['http://127.0.0.1:9400/x', undefined],
    ['http://localhost:9400/x', undefined],
  ])('%s', (location, url) => {
    expect(downloadUrl(location, ORIGIN).href).toBe(url ?? location);
  });

  it.each([
    'http://s3.example/x',
    'http://127.0.0.1.example/x',
    'ftp://s3.example/x',
    'file:///etc/passwd',
    'https://',
    'a b',
  ])('refuses %s', async (location) => {
    expect(await kindOf((async () => downloadUrl(location, ORIGIN))())).toBe('UnreadableAnswer');
  });
});
