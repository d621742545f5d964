// The part of the Compose file format that this project uses, written down from its reference documentation. Narrower
// than the format on purpose: Compose ignores or misreads a good deal of what it is given, and a key that nobody here
// has thought about should be looked at before it is let in.
import { Ajv2020, type SchemaObject } from 'ajv/dist/2020.js';

export interface Service {
  image: string;
  build?: { context: string; args?: Record<string, string> };
  /** Why this service ends by itself. Its absence means that it runs for good. */
  'x-one-shot'?: string;
  /** Why its file system cannot be read-only. */
  'x-writable'?: string;
  restart: string;
  init?: boolean;
  stop_grace_period?: string;
  depends_on?: Record<string, { condition: string }>;
  env_file?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] } | { disable: true };
  user?: string;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  mem_limit?: string;
  cpus?: string;
  pids_limit?: number;
}

export interface Compose {
  name: string;
  services: Record<string, Service>;
  volumes: Record<string, null>;
}

const text = { type: 'string', minLength: 1 } as const;
const words = { type: 'array', items: text, minItems: 1 } as const;
const duration = { type: 'string', pattern: '^([0-9]+(us|ms|s|m|h))+$' } as const;
const strings = { type: 'object', additionalProperties: { type: 'string' } } as const;
const count = { type: 'integer', minimum: 1 } as const;

/** The value itself, or a variable that has it as its default. */
const orVariable = (value: string): string => `^(${value}|[$][{][A-Z_]+:-${value}[}])$`;

const healthcheck: SchemaObject = {
  oneOf: [
    {
      type: 'object',
      properties: {
        test: { type: 'array', prefixItems: [{ enum: ['CMD', 'CMD-SHELL'] }], items: text, minItems: 2 },
        interval: duration,
        timeout: duration,
        retries: count,
        start_period: duration,
      },
      // Left out, Compose's own defaults hold: 30 s, 30 s and 3, which nobody chose.
      required: ['test', 'interval', 'timeout', 'retries', 'start_period'],
      additionalProperties: false,
    },
    { type: 'object', properties: { disable: { const: true } }, required: ['disable'], additionalProperties: false },
  ],
};

const service: SchemaObject = {
  type: 'object',
  properties: {
    image: text,
    build: {
      type: 'object',
      properties: { context: text, dockerfile: text, target: text, args: strings },
      required: ['context'],
      additionalProperties: false,
    },
    command: words,
    entrypoint: words,
    profiles: words,
    restart: { type: 'string', pattern: '^(no|always|unless-stopped|on-failure:[0-9]+)$' },
    init: { type: 'boolean' },
    stop_grace_period: duration,
    depends_on: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: {
          condition: { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] },
        },
        required: ['condition'],
        additionalProperties: false,
      },
    },
    env_file: words,
    // Strings only: YAML turns an unquoted number or "no" into something else.
    environment: strings,
    ports: { type: 'array', items: { type: 'string', pattern: '^([0-9.]+:)?([0-9]+:)?[0-9]+$' } },
    volumes: { type: 'array', items: { type: 'string', pattern: '^[^:]+:/[^:]*(:ro)?$' } },
    tmpfs: words,
    ulimits: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { soft: count, hard: count },
        required: ['soft', 'hard'],
        additionalProperties: false,
      },
    },
    healthcheck,
    user: text,
    read_only: { type: 'boolean' },
    cap_drop: words,
    security_opt: words,
    mem_limit: { type: 'string', pattern: orVariable('[0-9]+[mg]') },
    cpus: { type: 'string', pattern: orVariable('[0-9]+([.][0-9]+)?') },
    pids_limit: count,
    logging: {
      type: 'object',
      properties: { driver: text, options: strings },
      required: ['driver'],
      additionalProperties: false,
    },
  },
  patternProperties: { '^x-': text },
  required: ['image', 'restart'],
  additionalProperties: false,
};

export const composeSchema: SchemaObject = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    services: { type: 'object', additionalProperties: service, minProperties: 1 },
    volumes: { type: 'object', additionalProperties: { type: 'null' } },
  },
  patternProperties: { '^x-': true },
  required: ['name', 'services', 'volumes'],
  additionalProperties: false,
};

const validate = new Ajv2020({ allErrors: true, strictTuples: false }).compile<Compose>(composeSchema);

/** The document as a Compose file, or an error that names every place where it is none. */
export function readCompose(document: unknown): Compose {
  if (validate(document)) return document;
  const problems = (validate.errors ?? []).map(
    (error) => `${error.instancePath} ${error.message ?? error.keyword} ${JSON.stringify(error.params)}`,
  );
  throw new Error(`not a Compose file of ours:\n${problems.join('\n')}`);
}
