import type { ClientAuthentication } from '../auth0/client-auth.js';
import type { Reader } from './reader.js';
import { SETTINGS as S } from './settings.js';

/** How the application authenticates, as the settings say it. */
export interface ReadClientAuth {
  /** The setting that decides it, or those that could, as a person finds them. */
  label: string;
  /** Undefined where nothing is set, or where it is not usable, which is then among the problems. */
  auth: ClientAuthentication | undefined;
}

/** Reads the client secret or the private key; both at once are a problem, neither is left to the caller. */
export function readClientAuth({ read, nameOf, problem, problems }: Reader): ReadClientAuth {
  const clientSecret = read(S.clientSecret);
  const before = problems.length;
  const privateKey = read(S.privateKey);
  const keyIsGiven = privateKey !== undefined || problems.length > before;
  const keyId = read(S.privateKeyId) ?? null;
  // It has a default: only a problem leaves it undefined.
  const algorithm = read(S.privateKeyAlgorithm) ?? 'RS256';
  const [bySecret, byKey] = [nameOf(S.clientSecret), nameOf(S.privateKey)];
  if (clientSecret !== undefined && keyIsGiven) {
    problem(`${bySecret} and ${byKey} are both set: an application has one or the other, leave one unset`);
    return { label: bySecret, auth: undefined };
  }
  if (clientSecret !== undefined) return { label: bySecret, auth: { method: 'client_secret', clientSecret } };
  if (!keyIsGiven) return { label: `${bySecret} or ${byKey}`, auth: undefined };
  if (privateKey === undefined) return { label: byKey, auth: undefined };
  return { label: byKey, auth: { method: 'private_key_jwt', privateKey, keyId, algorithm } };
}
