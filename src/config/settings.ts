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
  {
    name: 'TEMPORAL_DB_PASSWORD',
    group: 'docker-compose.yml only',
    description: "Password of Temporal's own database",
    secret: true,
    schema: z.string(),
  },
];

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
