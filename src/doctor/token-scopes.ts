import { z } from 'zod';

const claims = z.object({ scope: z.string() });

/**
 * The scopes that a token says it has; null where it is no JWT, or says nothing. It is read and not checked: what it may
 * do is proven by asking.
 */
export function scopesOfToken(token: string): ReadonlySet<string> | null {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return null;
  try {
    const parsed = claims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    return parsed.success ? new Set(parsed.data.scope.split(' ').filter((scope) => scope !== '')) : null;
  } catch {
    return null;
  }
}
