import { generateKeyPairSync } from 'node:crypto';

/** An RSA key pair as PEM, in the forms that tools write. */
export interface RsaKeys {
  /** `-----BEGIN PRIVATE KEY-----` */
  pkcs8: string;
  /** `-----BEGIN RSA PRIVATE KEY-----` */
  pkcs1: string;
  publicKey: string;
}

/** Makes a new pair. */
export function rsaKeys(bits = 2_048): RsaKeys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return {
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pkcs1: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Pieces of a PEM text that give it away: every line of its body. */
export function piecesOf(pem: string): string[] {
  return pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
}
