import { createConnection, createServer } from 'node:net';

/** Numbers from which a port can be found: the one asked for, or any free one where 0 was asked for. */
export async function choosePort(wanted: number): Promise<number> {
  return wanted === 0 ? freePort() : wanted;
}

/**
 * A TCP port on 127.0.0.1 that was free a moment ago. Another process may still take it first, so whoever listens
 * must report a port in use.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Refuses a port that is in use. Throws an Error that names what it is for and the flag that chooses another. */
export async function refuseUsedPort(port: number, what: string, flag: string): Promise<void> {
  if (port !== 0 && (await portInUse(port)))
    throw new Error(`port ${port} for ${what} is in use; choose another with ${flag} (0 takes a free one)`);
}

/** True when something listens on this port of 127.0.0.1. */
export async function portInUse(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const end = (inUse: boolean): void => {
      socket.destroy();
      resolve(inUse);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
