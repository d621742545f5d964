/** Ids of the tenant that the events speak of. */
interface Ids {
  users: readonly string[];
  deletedUsers: readonly string[];
  clients: readonly string[];
  /** Clients that no other event mentions. */
  idle: readonly string[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * JSON texts of events that the emulated tenant does not make, on both sides of every border that the queries in
 * docs/queries.md draw.
 */
export function rareEvents(now: number, { users, deletedUsers, clients, idle }: Ids): string[] {
  const [ada = '', bob = '', cid = '', dan = '', eve = '', fay = ''] = users;
  const [first = '', second = ''] = clients;
  let number = 0;
  const event = (ago: number, type: string, more: object = {}): string => {
    const date = new Date(now - ago).toISOString();
    const id = `900${date.replaceAll(/\D/g, '').slice(0, 14)}${String(++number).padStart(39, '0')}`;
    return JSON.stringify({ date, type, ip: '192.0.2.1', ...more, log_id: id, _id: id });
  };
  const call = (ago: number, method: string, path: string, body: object): string =>
    event(ago, 'sapi', {
      description: 'Create a Client',
      user_id: 'mr|admin',
      // Whom a call is about is not who made it.
      details: {
        request: { method, path, auth: { user: { user_id: 'mr|caller' } } },
        response: { statusCode: 201, body },
      },
    });
  const burst = (count: number, ago: number, user: string, ip: string): string[] =>
    Array.from({ length: count }, (_, i) => event(ago + i * 1000, 'fp', { user_id: user, user_name: user, ip }));
  const login = (ago: number, user: string, country: string, more: object = {}): string =>
    event(ago, 's', { user_id: user, location_info: { country_code: country }, ...more });

  return [
    // Wrong passwords before a login: enough, too few, too long ago, from elsewhere, and after the login.
    ...burst(6, 3 * HOUR, ada, '192.0.2.10'),
    login(3 * HOUR - 5 * MINUTE, ada, 'DE', { ip: '192.0.2.10' }),
    ...burst(4, 4 * HOUR, bob, '192.0.2.11'),
    login(4 * HOUR - 5 * MINUTE, bob, 'DE', { ip: '192.0.2.11' }),
    ...burst(6, 6 * HOUR, cid, '192.0.2.12'),
    login(4.5 * HOUR, cid, 'DE', { ip: '192.0.2.12' }),
    ...burst(6, 7 * HOUR, dan, '192.0.2.13'),
    login(7 * HOUR - 5 * MINUTE, dan, 'DE', { ip: '192.0.2.99' }),
    login(7 * DAY - HOUR / 2, eve, 'DE', { ip: '192.0.2.14' }),
    ...burst(5, 7 * DAY, eve, '192.0.2.14'),
    ...burst(9, 25 * HOUR, eve, '192.0.2.15'),
    // Countries: new, known, known only long ago, and a user of whom nothing was known.
    login(10 * DAY, fay, 'SE'),
    login(2 * HOUR, fay, 'NO'),
    login(HOUR, fay, 'NO'),
    login(3 * HOUR, fay, 'SE'),
    login(40 * DAY, 'auth0|traveller', 'JP'),
    login(20 * DAY, 'auth0|traveller', 'FR'),
    login(5 * HOUR, 'auth0|traveller', 'JP'),
    login(5 * HOUR, 'auth0|newcomer', 'BR'),
    login(30 * HOUR, 'auth0|yesterday', 'BR'),
    // Attack protection.
    ...['limit_mu', 'limit_sul', 'pwd_leak', 'limit_wc'].flatMap((type) => [
      event(HOUR, type, { user_name: 'a@acme.example' }),
      event(2 * HOUR, type, { user_name: 'b@acme.example' }),
      event(6.9 * DAY, type, { user_name: 'd@acme.example' }),
      event(8 * DAY, type, { user_name: 'c@acme.example' }),
    ]),
    // Clients made in time, too early, gone again, and what only looks like one.
    call(DAY, 'post', '/api/v2/clients', { client_id: first }),
    call(2 * DAY, 'post', '/api/v2/clients', { client_id: 'gone' }),
    call(29.9 * DAY, 'post', '/api/v2/clients', { client_id: second }),
    call(31 * DAY, 'post', '/api/v2/clients', { client_id: 'too-early' }),
    call(DAY, 'patch', `/api/v2/clients/${second}`, { client_id: second }),
    call(DAY, 'post', '/api/v2/connections', { client_id: second }),
    // Sign-ups: with and without what should follow, and in the wrong order.
    event(5 * DAY, 'ss', { user_id: 'auth0|new1', connection: 'db' }),
    event(5 * DAY - HOUR, 'sv', { user_id: 'auth0|new1' }),
    login(5 * DAY - 2 * HOUR, 'auth0|new1', 'DE'),
    event(5 * DAY, 'ss', { user_id: 'auth0|new2', connection: 'db' }),
    login(5 * DAY + HOUR, 'auth0|new2', 'DE'),
    event(6 * DAY, 'ss', { user_id: 'auth0|new3', connection: 'db' }),
    event(5 * DAY, 'sv', { user_id: 'auth0|new3' }),
    event(6 * DAY, 'fs', { connection: 'db' }),
    // Deletions: some of which the log still has, one that is too old to be this one.
    event(HOUR, 'sdu', { user_id: deletedUsers[0] }),
    event(29.9 * DAY, 'sdu', { user_id: deletedUsers[1] }),
    event(31 * DAY, 'sdu', { user_id: deletedUsers[2] }),
    // Tokens, and those that were refused.
    event(HOUR, 'seccft', { client_id: first, client_name: 'a machine' }),
    event(HOUR, 'feccft', { client_id: first }),
    event(HOUR, 'feta', { client_id: second, user_id: ada }),
    event(HOUR, 'fertft', { client_id: 'only-failures', user_id: ada }),
    // One user.
    login(DAY, 'auth0|5f7c8ec7', 'AT', { client_name: 'Shop', connection: 'db' }),
    event(2 * DAY, 'scp', { user_id: 'auth0|5f7c8ec7', description: 'Changed' }),
    event(2 * DAY, 'brand_new_code', { user_id: 'auth0|5f7c8ec7' }),
    event(29.9 * DAY, 'slo', { user_id: 'auth0|5f7c8ec7' }),
    event(31 * DAY, 'slo', { user_id: 'auth0|5f7c8ec7' }),
    // Clients that were used long ago.
    event(89.9 * DAY, 'seccft', { client_id: idle[0] }),
    event(91 * DAY, 'seccft', { client_id: idle[1] }),
  ];
}
