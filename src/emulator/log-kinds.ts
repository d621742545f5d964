/** How the details of a log are shaped. */
export type DetailsShape = 'login' | 'failure' | 'exchange' | 'api' | 'none' | 'empty' | 'limit' | 'future';

/** A kind of log in the emulated tenant. */
export interface LogKind {
  readonly type: string;
  /** Part of all logs, in percent. */
  readonly share: number;
  readonly description: string | null;
  readonly details: DetailsShape;
  /** Whether the log names a user. */
  readonly hasUser: boolean;
  /** Whether it is a sign-in that moves the user's last_login. */
  readonly signsIn: boolean;
}

function kind(
  type: string,
  share: number,
  details: DetailsShape,
  description: string | null = null,
  { hasUser = true, signsIn = false }: { readonly hasUser?: boolean; readonly signsIn?: boolean } = {},
): LogKind {
  return { type, share, description, details, hasUser, signsIn };
}

/** The kinds of logs with their shares, as a tenant with mostly interactive sign-ins has them. */
export function logKinds(): readonly [LogKind, ...LogKind[]] {
  const machine = { hasUser: false };
  return [
    kind('s', 24, 'login', null, { signsIn: true }),
    kind('seacft', 25, 'exchange', 'Authorization Code for Access Token'),
    kind('sertft', 11, 'exchange', 'Refresh Token for Access Token'),
    kind('ssa', 9, 'exchange', null),
    kind('slo', 6, 'none', 'User successfully logged out'),
    kind('seccft', 6, 'exchange', 'Client Credentials for Access Token', machine),
    kind('fp', 4, 'failure', 'Wrong email or password.'),
    kind('fu', 2, 'failure', 'Wrong email or password.'),
    kind('f', 1.5, 'failure', 'Unknown or invalid refresh token — “déjà utilisé” 🔒'),
    kind('sapi', 4, 'api', 'Update a User'),
    kind('mgmt_api_read', 1, 'api', 'Get clients'),
    kind('ss', 1.2, 'login', null, { signsIn: true }),
    kind('fsa', 1, 'failure', 'Login required'),
    kind('feacft', 0.6, 'failure', 'Invalid authorization code'),
    kind('pla', 1, 'empty'),
    kind('gd_auth_succeed', 0.8, 'none', 'Guardian - Second factor authentication success'),
    kind('gd_start_auth', 0.8, 'none', 'Guardian - Start second factor authentication'),
    kind('sv', 0.3, 'none', 'Your email was verified.'),
    kind('scp', 0.3, 'empty', 'Password changed'),
    kind('fs', 0.3, 'failure', 'Password is too weak'),
    kind('limit_wc', 0.2, 'limit', 'An IP address is blocked after "10" failed attempts'),
    kind('api_limit', 0.2, 'limit', 'Global limit has been reached', machine),
    kind('w', 0.2, 'failure', ''),
    kind('depnote', 0.1, 'empty', 'Legacy grant type is deprecated', machine),
    kind('organization_member_added', 0.2, 'api', null),
    kind('zz_future_type', 0.3, 'future', 'A type no catalogue knows'),
  ];
}

/** A table to draw kinds from: equally likely entries, each an index of a kind, a kind's number of entries after its share. */
export function kindTable(kinds: readonly LogKind[], entries: number): Uint8Array {
  const total = kinds.reduce((sum, kind) => sum + kind.share, 0);
  const table = new Uint8Array(entries);
  let filled = 0;
  let reached = 0;
  for (const [index, kind] of kinds.entries()) {
    reached += kind.share;
    const end = Math.round((reached / total) * entries);
    table.fill(index, filled, end);
    filled = end;
  }
  return table;
}
