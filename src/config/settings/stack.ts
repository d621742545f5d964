import { setting } from './setting.js';
import { text, whole, port } from './values.js';

/** What `up` starts, and where. */
export const STACK_SETTINGS = {
  dataDir: setting({
    name: 'DATA_DIR',
    group: 'One-command stack (npm start)',
    description: 'Folder of everything that the started parts keep',
    default: '.data',
    schema: text,
  }),
  temporalCliPath: setting({
    name: 'TEMPORAL_CLI_PATH',
    group: 'One-command stack',
    description: 'The temporal CLI to start the server with. Unset: looked for on PATH, in the cache, then fetched',
    schema: text,
  }),
  temporalPort: setting({
    name: 'TEMPORAL_PORT',
    group: 'One-command stack',
    description: 'Port of the started Temporal server; 0: any free one',
    default: '7233',
    schema: port,
  }),
  temporalUiPort: setting({
    name: 'TEMPORAL_UI_PORT',
    group: 'One-command stack',
    description: 'Port of its web UI; 0: any free one',
    default: '8233',
    schema: port,
  }),
  clickhousePort: setting({
    name: 'CLICKHOUSE_PORT',
    group: 'One-command stack',
    description: 'Port of the embedded ClickHouse; 0: any free one',
    default: '8123',
    schema: port,
  }),
  emulatorPort: setting({
    name: 'EMULATOR_PORT',
    group: 'One-command stack',
    description: 'Port of the tenant emulator; 0: any free one',
    default: '9400',
    schema: port,
  }),
  emulatorLogs: setting({
    name: 'EMULATOR_LOGS',
    group: 'One-command stack',
    description: 'Log events that the emulated tenant begins with',
    default: '20000',
    schema: whole(0, 100_000_000),
  }),
  emulatorUsers: setting({
    name: 'EMULATOR_USERS',
    group: 'One-command stack',
    description: 'Users that it begins with',
    default: '2500',
    schema: whole(0, 10_000_000),
  }),
  emulatorClients: setting({
    name: 'EMULATOR_CLIENTS',
    group: 'One-command stack',
    description: 'Clients that it begins with',
    default: '120',
    schema: whole(0, 100_000),
  }),
  emulatorSeed: setting({
    name: 'EMULATOR_SEED',
    group: 'One-command stack',
    description: 'Seed of its data: the same seed makes the same tenant',
    default: '1',
    schema: whole(0, 2 ** 31),
  }),
};
