import { z } from 'zod';
import { setting } from './setting.js';
import { endpointUrl, headerList, hostList, portOrOff, text } from './values.js';

/** What a worker shows of itself. */
export const OBSERVABILITY_SETTINGS = {
  logFormat: setting({
    name: 'LOG_FORMAT',
    group: 'Observability',
    description: 'How log lines look: json, pretty, or auto (pretty on a terminal, else json)',
    default: 'auto',
    schema: z.enum(['auto', 'json', 'pretty'], { error: 'must be auto, json or pretty' }),
  }),
  metricsHost: setting({
    name: 'METRICS_HOST',
    group: 'Observability',
    description: 'Address on which the worker serves /metrics, /healthz and /readyz; they ask nobody for a password',
    default: '127.0.0.1',
    schema: text.regex(/^[A-Za-z0-9.:-]+$/, 'must be an address such as 127.0.0.1 or 0.0.0.0'),
  }),
  metricsAllowedHosts: setting({
    name: 'METRICS_ALLOWED_HOSTS',
    group: 'Observability',
    description:
      'Host names with a dot under which it is asked, comma separated; addresses and names without a dot always pass',
    schema: hostList,
  }),
  metricsPort: setting({
    name: 'METRICS_PORT',
    group: 'Observability',
    description: 'Its port; 0: any free one, off: none. Unset: 9464, or any free one where that is in use',
    schema: portOrOff,
  }),
  otlpEndpoint: setting({
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    group: 'Observability',
    description: 'OpenTelemetry collector (OTLP over HTTP) for traces, such as http://127.0.0.1:4318. Unset: no traces',
    schema: endpointUrl,
  }),
  otlpHeaders: setting({
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    group: 'Observability',
    description: 'Headers for it, such as a key: name=value, comma separated',
    secret: true,
    schema: headerList,
  }),
  otelServiceName: setting({
    name: 'OTEL_SERVICE_NAME',
    group: 'Observability',
    description: 'Name of the service in traces',
    default: 'auth0-clickhouse',
    schema: text,
  }),
};
