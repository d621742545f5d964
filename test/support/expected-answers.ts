import { clickhouseTime, groupBy, type LogFact, logTypes, textAt } from './tenant-facts.js';

/** What the answers are computed from: the tenant's own records, and the moment at which is asked. */
export interface TenantFacts {
  now: number;
  logs: readonly LogFact[];
  users: readonly unknown[];
  clients: readonly unknown[];
  /** Users who were deleted. */
  deletedUsers: readonly string[];
}

type Row = Record<string, string>;
type Answer = (facts: TenantFacts) => Row[];

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TYPES = logTypes();

const category = (log: LogFact): string => TYPES.get(log.type)?.category ?? '';
const since = ({ logs, now }: TenantFacts, ms: number): LogFact[] => logs.filter(({ date }) => date >= now - ms);
const lastDays = ({ logs, now }: TenantFacts, days: number): LogFact[] => {
  const today = now - (now % DAY);
  return logs.filter(({ date }) => date >= today - (days - 1) * DAY);
};
const of = (logs: readonly LogFact[], ...types: string[]): LogFact[] => logs.filter(({ type }) => types.includes(type));
const field = (name: string) => (log: LogFact) => log.text(name);
const distinct = (logs: readonly LogFact[], name: string): string =>
  String(new Set(logs.map(field(name)).filter((value) => value !== '')).size);
const newest = (logs: readonly LogFact[]): number => Math.max(...logs.map(({ date }) => date));
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const flag = (record: unknown, name: string): boolean =>
  typeof record === 'object' &&
  record !== null &&
  name in record &&
  Object.entries(record).some(([key, value]) => key === name && value === true);

/** Orders rows by columns; a leading `-` turns one round. Numbers are compared as numbers. */
function ordered(rows: Row[], ...columns: string[]): Row[] {
  const compare = (a: string, b: string): number => {
    const numbers = /^\d+$/.test(a) && /^\d+$/.test(b);
    if (numbers) return Number(a) - Number(b);
    return a < b ? -1 : a > b ? 1 : 0;
  };
  return rows.toSorted((a, b) => {
    for (const column of columns) {
      const name = column.replace('-', '');
      const order = compare(a[name] ?? '', b[name] ?? '');
      if (order !== 0) return column.startsWith('-') ? -order : order;
    }
    return 0;
  });
}

/** Groups under several fields at once. */
const groups = (logs: readonly LogFact[], ...keys: ((log: LogFact) => string)[]): [string[], LogFact[]][] =>
  [...groupBy(logs, (log) => JSON.stringify(keys.map((key) => key(log))))].map(([key, group]) => {
    const parts: string[] = JSON.parse(key);
    return [parts, group];
  });

const failedLogins = (logs: readonly LogFact[]): LogFact[] => logs.filter((log) => category(log) === 'auth-login-fail');

/** The answer to each query of docs/queries.md about events and records, by its heading. */
export const ANSWERS: Record<string, Answer> = {
  'Failed logins by IP': (facts) =>
    ordered(
      groups(failedLogins(since(facts, DAY)), field('ip')).map(([[ip = ''], logs]) => ({
        ip,
        failures: String(logs.length),
        names: distinct(logs, 'user_name'),
        unknown_users: String(of(logs, 'fu').length),
        last_seen: clickhouseTime(newest(logs)),
      })),
      '-failures',
      'ip',
    ).slice(0, 20),

  'Login after many failures': (facts) => {
    const wrong = of(facts.logs, 'fp').filter((log) => log.text('user_id') !== '');
    const rows = of(since(facts, 7 * DAY), 's').map((login) => ({
      user_id: login.text('user_id'),
      ip: login.text('ip'),
      login: clickhouseTime(login.date),
      failures: wrong.filter(
        (log) =>
          log.text('user_id') === login.text('user_id') &&
          log.text('ip') === login.text('ip') &&
          log.date < login.date &&
          log.date >= login.date - HOUR,
      ).length,
    }));
    return ordered(
      rows.filter(({ failures }) => failures >= 5).map((row) => ({ ...row, failures: String(row.failures) })),
      '-login',
      'user_id',
    );
  },

  'Login from a new country': (facts) => {
    const logins = of(facts.logs, 's').filter((log) => log.text('location_info', 'country_code') !== '');
    const country = (log: LogFact) => log.text('location_info', 'country_code');
    const before = groupBy(
      logins.filter(({ date }) => date >= facts.now - 31 * DAY && date < facts.now - DAY),
      field('user_id'),
    );
    const fresh = logins.filter((log) => {
      const known = before.get(log.text('user_id'));
      return log.date >= facts.now - DAY && known !== undefined && !known.some((old) => country(old) === country(log));
    });
    return ordered(
      groups(fresh, field('user_id'), country).map(([[user = '', code = ''], logs]) => ({
        user_id: user,
        country_code: code,
        first_login: clickhouseTime(Math.min(...logs.map(({ date }) => date))),
        countries_before: String(new Set(before.get(user)?.map(country)).size),
      })),
      'first_login',
      'user_id',
    );
  },

  'Blocked by attack protection': (facts) =>
    ordered(
      groups(
        of(since(facts, 7 * DAY), 'limit_wc', 'limit_mu', 'limit_sul', 'pwd_leak'),
        ({ type }) => type,
        field('ip'),
      ).map(([[type = '', ip = ''], logs]) => ({
        event: TYPES.get(type)?.event ?? '',
        type,
        ip,
        times: String(logs.length),
        names: distinct(logs, 'user_name'),
        last_seen: clickhouseTime(newest(logs)),
      })),
      '-times',
      'type',
      'ip',
    ),

  'Blocked users': (facts) => {
    const tries = groupBy(failedLogins(since(facts, 30 * DAY)), field('user_id'));
    return ordered(
      facts.users
        .filter((user) => flag(user, 'blocked'))
        .map((user) => {
          const id = textAt(user, ['user_id']);
          const login = textAt(user, ['last_login']);
          return {
            user_id: id,
            email: textAt(user, ['email']),
            last_login: login === '' ? '' : clickhouseTime(Date.parse(login)),
            failed_logins: String(tries.get(id)?.length ?? 0),
          };
        }),
      '-failed_logins',
      'user_id',
    );
  },

  'Changes through the Management API': (facts) =>
    ordered(
      groups(
        of(since(facts, 7 * DAY), 'sapi'),
        (log) => log.text('details', 'request', 'auth', 'user', 'user_id'),
        field('client_name'),
        (log) => log.text('details', 'request', 'method').toUpperCase(),
        (log) => log.text('details', 'request', 'path').split('/').slice(0, 4).join('/'),
      ).map(([[caller = '', client = '', method = '', endpoint = ''], logs]) => ({
        caller,
        client_name: client,
        method,
        endpoint,
        calls: String(logs.length),
        last_call: clickhouseTime(newest(logs)),
      })),
      '-calls',
      'caller',
      'client_name',
      'method',
      'endpoint',
    ).slice(0, 50),

  'Daily active users': (facts) => {
    const active = new Set(['auth-login-success', 'auth-silent-auth-success', 'auth-token-exchange-success']);
    const logs = lastDays(facts, 30).filter((log) => active.has(category(log)) && log.text('user_id') !== '');
    const rows = groups(logs, ({ date }) => day(date)).map(([[when = ''], own]) => ({
      day: when,
      active_users: distinct(own, 'user_id'),
    }));
    return ordered(rows, 'day');
  },

  'Sign-up funnel': (facts) => {
    const logs = of(lastDays(facts, 30), 'ss', 'sv', 's').filter((log) => log.text('user_id') !== '');
    const people = groups(logs, field('user_id')).flatMap(([, own]) => {
      const [first] = of(own, 'ss')
        .map(({ date }) => date)
        .toSorted((a, b) => a - b);
      if (first === undefined) return [];
      const after = (type: string) => of(own, type).some(({ date }) => date >= first);
      return [{ day: day(first), verified: after('sv'), loggedIn: after('s') }];
    });
    const rows = [...groupBy(people, (person) => person.day)].map(([when, own]) => ({
      day: when,
      signed_up: String(own.length),
      verified: String(own.filter(({ verified }) => verified).length),
      logged_in: String(own.filter(({ loggedIn }) => loggedIn).length),
    }));
    return ordered(rows, 'day');
  },

  'Sign-ups and failures by connection': (facts) =>
    ordered(
      groups(of(since(facts, 30 * DAY), 'ss', 'fs'), field('connection')).map(([[connection = ''], logs]) => ({
        connection,
        signed_up: String(of(logs, 'ss').length),
        failed: String(of(logs, 'fs').length),
      })),
      '-signed_up',
      'connection',
    ),

  'Users who stay away': (facts) => {
    const away = facts.users.flatMap((user) => {
      const login = textAt(user, ['last_login']);
      const when = Date.parse(login === '' ? textAt(user, ['created_at']) : login);
      if (!(when < facts.now - 90 * DAY)) return [];
      return identities(user).map((connection) => ({ connection, never: login === '' }));
    });
    const rows = [...groupBy(away, ({ connection }) => connection)].map(([connection, own]) => ({
      connection,
      away: String(own.length),
      never_logged_in: String(own.filter(({ never }) => never).length),
    }));
    return ordered(rows, '-away', 'connection');
  },

  'Deleted users': (facts) => {
    const deletions = groupBy(of(since(facts, 30 * DAY), 'sdu'), field('user_id'));
    return facts.deletedUsers.map((id) => {
      const logs = deletions.get(id);
      return { user_id: id, deletion: logs === undefined ? '' : clickhouseTime(newest(logs)) };
    });
  },

  'History of one user': (facts) => {
    const own = since(facts, 30 * DAY).filter((log) => log.text('user_id') === 'auth0|5f7c8ec7');
    return own
      .toSorted((a, b) => b.date - a.date || (a.id < b.id ? 1 : -1))
      .slice(0, 100)
      .map((log) => ({
        date: clickhouseTime(log.date),
        what: TYPES.get(log.type)?.event ?? log.type,
        client_name: log.text('client_name'),
        connection: log.text('connection'),
        ip: log.text('ip'),
        country_code: log.text('location_info', 'country_code'),
        description: log.text('description'),
      }));
  },

  'New clients': (facts) => {
    const known = new Map(facts.clients.map((client) => [textAt(client, ['client_id']), client]));
    const created = of(since(facts, 30 * DAY), 'sapi').filter(
      (log) =>
        log.text('details', 'request', 'method') === 'post' &&
        log.text('details', 'request', 'path') === '/api/v2/clients',
    );
    const rows = created.map((log) => {
      const id = log.text('details', 'response', 'body', 'client_id');
      const client = known.get(id);
      return {
        created_at: clickhouseTime(log.date),
        client_id: id,
        name: textAt(client, ['name']),
        app_type: textAt(client, ['app_type']),
        still_there: client === undefined ? '0' : '1',
      };
    });
    return ordered(rows, '-created_at', 'client_id');
  },

  'Token use per client': (facts) => {
    const names = new Map(facts.clients.map((client) => [textAt(client, ['client_id']), textAt(client, ['name'])]));
    const worked = (log: LogFact) => category(log) === 'auth-token-exchange-success' && log.type !== 'feta';
    const exchanges = since(facts, 30 * DAY).filter(
      (log) => category(log).startsWith('auth-token-exchange-') && log.text('client_id') !== '',
    );
    const rows = groups(exchanges, field('client_id')).map(([[id = ''], logs]) => {
      const good = logs.filter(worked);
      const row = {
        client_id: id,
        name: names.get(id) ?? '',
        user_tokens: String(good.filter(({ type }) => type !== 'seccft').length),
        machine_tokens: String(of(logs, 'seccft').length),
        failures: String(logs.length - good.length),
        last_token: clickhouseTime(good.length === 0 ? 0 : newest(good)),
      };
      return { row, tokens: good.length };
    });
    return rows
      .toSorted((a, b) => b.tokens - a.tokens || (a.row.client_id < b.row.client_id ? -1 : 1))
      .slice(0, 50)
      .map(({ row }) => row);
  },

  'Clients without use': (facts) => {
    const used = new Set(since(facts, 90 * DAY).map(field('client_id')));
    const rows = facts.clients
      .filter((client) => !flag(client, 'global') && !used.has(textAt(client, ['client_id'])))
      .map((client) => ({
        client_id: textAt(client, ['client_id']),
        name: textAt(client, ['name']),
        app_type: textAt(client, ['app_type']),
      }));
    return rows.toSorted((a, b) => {
      const order = Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
      return order === 0 ? (a.client_id < b.client_id ? -1 : 1) : order;
    });
  },

  'Logins per client and connection': (facts) =>
    ordered(
      groups(
        since(facts, 7 * DAY).filter((log) => category(log) === 'auth-login-success'),
        field('client_id'),
        field('connection'),
      ).map(([[id = '', connection = ''], logs]) => ({
        client_id: id,
        name: logs.map(field('client_name')).toSorted().at(-1) ?? '',
        connection,
        logins: String(logs.length),
        mobile: String(logs.filter((log) => log.flag('isMobile')).length),
      })),
      '-logins',
      'client_id',
      'connection',
    ).slice(0, 50),

  'Events without a meaning': (facts) =>
    ordered(
      groups(
        since(facts, 30 * DAY).filter(({ type }) => !TYPES.has(type)),
        ({ type }) => type,
      ).map(([[type = ''], logs]) => ({
        type,
        events: String(logs.length),
        first_seen: clickhouseTime(Math.min(...logs.map(({ date }) => date))),
        example: logs[0]?.text('description') ?? '',
      })),
      '-events',
      'type',
    ),
};

function identities(user: unknown): string[] {
  if (typeof user !== 'object' || user === null || !('identities' in user) || !Array.isArray(user.identities))
    return [];
  return user.identities.map((identity: unknown) => textAt(identity, ['connection']));
}
