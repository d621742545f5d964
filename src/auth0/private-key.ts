import { createPrivateKey, type KeyObject } from 'node:crypto';

/** Algorithms that Auth0 takes for client assertions. */
export const ASSERTION_ALGORITHMS = ['RS256', 'RS384', 'PS256'] as const;

export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number];

/** Auth0 registers public keys of these sizes only, bits. */
const MIN_BITS = 2_048;
const MAX_BITS = 4_096;

/**
 * Reads an RSA private key from PEM, PKCS#8 or PKCS#1. `problem` says in the words of a settings check what is wrong;
 * it never holds a piece of the text, nor what the crypto library says about it.
 */
export function parsePrivateKey(pem: string): { key: KeyObject } | { problem: string } {
  if (/ENCRYPTED/.test(pem)) return { problem: 'must be a private key without a passphrase' };
  if (!/-----BEGIN (?:\w+ )*PRIVATE KEY-----/.test(pem)) {
    const other = /-----BEGIN (?:\w+ )*(PUBLIC KEY|CERTIFICATE)-----/.exec(pem)?.[1];
    if (other !== undefined) return { problem: `must be the private key, not a ${other.toLowerCase()}` };
    return { problem: 'must be an RSA private key in PEM form, from "-----BEGIN" to "-----END"' };
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return { problem: 'must be an RSA private key in PEM form: this one cannot be read, it may be cut off' };
  }
  if (key.asymmetricKeyType !== 'rsa') return { problem: `must be an RSA key, not ${key.asymmetricKeyType}` };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_BITS || bits > MAX_BITS)
    return { problem: `must have ${MIN_BITS} to ${MAX_BITS} bits, as Auth0 demands; this key has ${bits}` };
  return { key };
}
