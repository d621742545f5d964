import { startEmulator, type Emulator } from '../../../src/emulator/emulator.js';
import { emulatorDefaults, type EmulatorOptions } from '../../../src/emulator/options.js';

/** An emulated tenant and ways to ask it. */
export interface TestTenant {
  readonly emulator: Emulator;
  /** GET with a token, below the origin. */
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** GET with a token, the JSON body parsed. */
  readonly json: <T>(path: string) => Promise<T>;
  /** POST of JSON with a token. */
  readonly post: (path: string, body: unknown) => Promise<Response>;
  /** Asks for a token with fields in place of the usual ones. */
  readonly tokenAnswer: (fields?: Readonly<Record<string, string | undefined>>) => Promise<Response>;
}

/** Starts a tenant with a fixed epoch and gets a token. */
export async function startTestTenant(options: EmulatorOptions = {}): Promise<TestTenant> {
  const emulator = await startEmulator({
    epochMs: Date.UTC(2026, 0, 1),
    logs: 500,
    users: 300,
    clients: 30,
    ...options,
  });
  const { origin } = emulator;

  async function tokenAnswer(fields: Readonly<Record<string, string | undefined>> = {}): Promise<Response> {
    const { clientId, clientSecret } = emulatorDefaults;
    const usual = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    return fetch(`${origin}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...usual, audience: `${origin}/api/v2/`, ...fields }),
    });
  }

  const { access_token: token } = await bodyOf<{ access_token: string }>(await tokenAnswer());
  const authorization = { authorization: `Bearer ${token}` };
  const get: TestTenant['get'] = async (path, headers = {}) =>
    fetch(path.startsWith('http') ? path : `${origin}${path}`, { headers: { ...authorization, ...headers } });
  return {
    emulator,
    get,
    tokenAnswer,
    async json<T>(path: string): Promise<T> {
      return bodyOf<T>(await get(path));
    },
    async post(path, body) {
      const headers = { ...authorization, 'content-type': 'application/json' };
      return fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    },
  };
}

/** Lines of an NDJSON answer, parsed. */
export async function lines<T>(response: Response): Promise<T[]> {
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line));
}

/** The JSON body of an answer. */
export async function bodyOf<T>(response: Response): Promise<T> {
  const body: T = JSON.parse(await response.text());
  return body;
}
