import type { KeyObject } from 'node:crypto';
import * as oidc from 'openid-client';
import { ExtractError } from '../contracts/errors.js';
import { type AssertionAlgorithm, parsePrivateKey } from './private-key.js';

/** How the application proves to the token endpoint who it is. */
export type ClientAuthentication =
  | { method: 'client_secret'; clientSecret: string }
  | {
      method: 'private_key_jwt';
      /** PEM of an RSA key, PKCS#8 or PKCS#1. */
      privateKey: string;
      /** The `kid` that Auth0 gave to the public key; null: none is sent. */
      keyId: string | null;
      algorithm: AssertionAlgorithm;
    };

/**
 * What puts the proof into token requests. Throws {@link ExtractError} at once for a key that cannot be used; what it
 * returns makes the key ready. openid-client makes an assertion for each request: with a jti of its own, good for one
 * minute, for the issuer. Auth0 takes each only once, so none may be kept for another try.
 */
export function authenticateClient(auth: ClientAuthentication): () => Promise<oidc.ClientAuth> {
  if (auth.method === 'client_secret') return async () => oidc.ClientSecretPost(auth.clientSecret);
  const { privateKey, keyId, algorithm } = auth;
  const parsed = parsePrivateKey(privateKey);
  if ('problem' in parsed) throw new ExtractError('Configuration', `AUTH0_PRIVATE_KEY ${parsed.problem}`);
  return () => signerOf(parsed.key, keyId, algorithm);
}

async function signerOf(key: KeyObject, keyId: string | null, algorithm: AssertionAlgorithm): Promise<oidc.ClientAuth> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const signing = await crypto.subtle.importKey('pkcs8', der, WEB_CRYPTO[algorithm], false, ['sign']);
  return oidc.PrivateKeyJwt(keyId === null ? signing : { key: signing, kid: keyId });
}

const WEB_CRYPTO: Record<AssertionAlgorithm, { name: string; hash: string }> = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
};
