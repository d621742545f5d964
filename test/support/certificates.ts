import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, as files and as PEM. */
export interface Certificate {
  certPath: string;
  keyPath: string;
  cert: string;
  key: string;
}

/** A CA that signs certificates for this test only. */
export interface Authority extends Certificate {
  /** A certificate for localhost and 127.0.0.1, or for the one name that is given. */
  sign(name: string, options?: { dnsName?: string }): Promise<Certificate>;
}

/** Makes a CA with openssl; its files lie in `folder` and begin with `name`. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const files = (part: string) => ({
    certPath: join(folder, `${name}-${part}.pem`),
    keyPath: join(folder, `${name}-${part}.key`),
  });
  const read = async (paths: { certPath: string; keyPath: string }): Promise<Certificate> => ({
    ...paths,
    cert: await readFile(paths.certPath, 'utf8'),
    key: await readFile(paths.keyPath, 'utf8'),
  });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = files('ca');
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', 'keyUsage=critical,keyCertSign', '-keyout', ca.keyPath, '-out', ca.certPath],
  ]);
  return {
    ...(await read(ca)),
    async sign(part, { dnsName } = {}) {
      const paths = files(part);
      const request = join(folder, `${name}-${part}.csr`);
      const extensions = join(folder, `${name}-${part}.ext`);
      const names = dnsName === undefined ? 'DNS:localhost,IP:127.0.0.1' : `DNS:${dnsName}`;
      await writeFile(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      await run('openssl', ['req', ...newKey, '-subj', `/CN=${part}`, '-keyout', paths.keyPath, '-out', request]);
      // A serial number of its own: openssl's file of the next one is read half-written where two sign at once.
      const serial = `0x${randomBytes(8).toString('hex')}`;
      await run('openssl', [
        ...['x509', '-req', '-in', request, '-CA', ca.certPath, '-CAkey', ca.keyPath, '-set_serial', serial],
        ...['-days', '2', '-extfile', extensions, '-out', paths.certPath],
      ]);
      return read(paths);
    },
  };
}
