import { z } from 'zod';
import { setting } from './setting.js';
import { text, httpUrl, name, tenantName } from './values.js';

/** Where the destination is. */
export const CLICKHOUSE_SETTINGS = {
  clickhouseUrl: setting({
    name: 'CLICKHOUSE_URL',
    group: 'ClickHouse (unset: an embedded one is started)',
    description: 'HTTP interface of the ClickHouse server',
    schema: httpUrl,
  }),
  clickhouseDatabase: setting({
    name: 'CLICKHOUSE_DATABASE',
    group: 'ClickHouse',
    description: 'Database of the tables',
    default: 'auth0',
    schema: name,
  }),
  clickhouseDatabaseId: setting({
    name: 'CLICKHOUSE_DATABASE_ID',
    group: 'ClickHouse',
    description:
      'Id of the database that is meant (table `_database`): another one is refused. `up` remembers it by itself',
    schema: tenantName,
  }),
  clickhouseUser: setting({
    name: 'CLICKHOUSE_USER',
    group: 'ClickHouse',
    description: 'User of the ClickHouse server',
    default: 'default',
    schema: text,
  }),
  clickhousePassword: setting({
    name: 'CLICKHOUSE_PASSWORD',
    group: 'ClickHouse',
    description: "Its password; with docker-compose.yml without '<' and '&'",
    secret: true,
    schema: z.string(),
  }),
  clickhouseCluster: setting({
    name: 'CLICKHOUSE_CLUSTER',
    group: 'ClickHouse',
    description: 'Name of the cluster on which replicated tables are made. Unset: a single server',
    schema: name,
  }),
};
