import { z } from 'zod';
import { AUTH0_SETTINGS } from './settings/auth0.js';
import { CLICKHOUSE_SETTINGS } from './settings/clickhouse.js';
import { EXTRACTION_SETTINGS } from './settings/extraction.js';
import { OBSERVABILITY_SETTINGS } from './settings/observability.js';
import { SCHEDULES_SETTINGS } from './settings/schedules.js';
import { STACK_SETTINGS } from './settings/stack.js';
import { TEMPORAL_SETTINGS } from './settings/temporal.js';
import { WORKER_SETTINGS } from './settings/worker.js';
import type { Setting } from './settings/setting.js';

export type { Setting } from './settings/setting.js';

/** All settings, in the order in which `.env.example` shows them. */
export const SETTINGS = {
  ...AUTH0_SETTINGS,
  ...TEMPORAL_SETTINGS,
  ...CLICKHOUSE_SETTINGS,
  ...EXTRACTION_SETTINGS,
  ...SCHEDULES_SETTINGS,
  ...STACK_SETTINGS,
  ...WORKER_SETTINGS,
  ...OBSERVABILITY_SETTINGS,
};

export type SettingKey = keyof typeof SETTINGS;

/** Variables that only docker-compose.yml reads. */
export const COMPOSE_SETTINGS: readonly Setting[] = [
  composeSetting(
    'TEMPORAL_DB_PASSWORD',
    "Password of Temporal's own database; without quotes, backslashes, blanks and #",
  ),
  composeSetting(
    'GRAFANA_PASSWORD',
    'Password of ClickHouse\'s user "grafana", who can only read, and of Grafana\'s first "admin"',
  ),
  composeSetting('CLICKHOUSE_MEMORY', 'Memory limit of ClickHouse', '4g'),
  composeSetting('CLICKHOUSE_CPUS', 'Processors that ClickHouse may use; not more than the machine has', '2'),
  ...Object.entries({
    POSTGRES_IMAGE: 'postgres:16.15',
    TEMPORAL_SERVER_IMAGE: 'temporalio/server:1.32.0',
    TEMPORAL_ADMIN_TOOLS_IMAGE: 'temporalio/admin-tools:1.32.0',
    TEMPORAL_UI_IMAGE: 'temporalio/ui:2.54.1',
    CLICKHOUSE_IMAGE: 'clickhouse/clickhouse-server:26.8.20.9',
    PROMETHEUS_IMAGE: 'prom/prometheus:v3.13.5',
    GRAFANA_IMAGE: 'grafana/grafana:13.2.0',
    NODE_IMAGE: 'node:20.20.2-bookworm-slim',
  }).map(([name, image]) =>
    composeSetting(name, 'Image; pinned by digest it is repository:tag@sha256:<digest>', image),
  ),
];

function composeSetting(name: string, description: string, standard?: string): Setting {
  return {
    name,
    group: 'docker-compose.yml only',
    description,
    ...(standard === undefined ? { secret: true } : { default: standard }),
    schema: z.string(),
  };
}

/** The text of `.env.example`: every variable with its meaning, unit and default. */
export function renderEnvExample(): string {
  const lines = [
    '# Settings of auth0-clickhouse. Copy to .env and set what you need; the environment wins over the file.',
    '# An empty value counts as unset.',
  ];
  let group = '';
  for (const entry of [...Object.values(SETTINGS), ...COMPOSE_SETTINGS]) {
    const [heading] = entry.group.split(' (');
    if (heading !== group) {
      group = heading ?? '';
      lines.push('', `## ${entry.group}`);
    }
    const unit = entry.unit === undefined ? '' : ` [${entry.unit}]`;
    const standard = entry.default === undefined ? '' : ` Default: ${entry.default}`;
    lines.push('', `# ${entry.description}${unit}.${standard}`, `# ${entry.name}=${entry.default ?? ''}`);
  }
  return `${lines.join('\n')}\n`;
}
