import { z } from 'zod';
import { TASK_QUEUE } from '../../contracts/names.js';
import { codecKeys, headerText, pem } from './temporal-values.js';
import { setting } from './setting.js';
import { text, hostPort } from './values.js';

const GROUP = 'Temporal';

/**
 * Where the Temporal server is, and how it is reached. Names that begin with TEMPORAL_ are those of the `temporal` CLI,
 * so that both can share an environment; TEMPORAL_TASK_QUEUE, _SEARCH_ATTRIBUTES and _WORKER_… are our own.
 */
export const TEMPORAL_SETTINGS = {
  temporalAddress: setting({
    name: 'TEMPORAL_ADDRESS',
    group: 'Temporal (unset: a development server is started)',
    description: 'Address of the Temporal server',
    schema: hostPort,
  }),
  temporalNamespace: setting({
    name: 'TEMPORAL_NAMESPACE',
    group: GROUP,
    description: 'Namespace of the workflows',
    default: 'default',
    schema: text,
  }),
  temporalTaskQueue: setting({
    name: 'TEMPORAL_TASK_QUEUE',
    group: GROUP,
    description: 'Task queue that the worker polls',
    default: TASK_QUEUE,
    schema: text,
  }),
  temporalProfile: setting({
    name: 'TEMPORAL_PROFILE',
    group: GROUP,
    description:
      "Profile of temporal.toml, the temporal CLI's own file, for what is not set here. Unset: the file is read only where TEMPORAL_CONFIG_FILE names one",
    schema: text,
  }),
  temporalConfigFile: setting({
    name: 'TEMPORAL_CONFIG_FILE',
    group: GROUP,
    description: 'The file with the profiles. Unset: temporalio/temporal.toml in the folder for user settings',
    schema: text,
  }),
  temporalApiKey: setting({
    name: 'TEMPORAL_API_KEY',
    group: GROUP,
    description: 'API key of Temporal Cloud, or of a server that takes bearer tokens; switches TLS on',
    secret: true,
    schema: headerText,
  }),
  temporalTls: setting({
    name: 'TEMPORAL_TLS',
    group: GROUP,
    description: 'TLS to the server: true, false, or auto (on with an API key or with one of the settings below)',
    default: 'auto',
    schema: z.enum(['auto', 'true', 'false'], { error: 'must be true, false or auto' }),
  }),
  temporalClientCertPath: setting({
    name: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
    group: GROUP,
    description: 'File with the client certificate for mTLS, PEM',
    schema: text,
  }),
  temporalClientCertData: setting({
    name: 'TEMPORAL_TLS_CLIENT_CERT_DATA',
    group: GROUP,
    description: 'The client certificate itself, PEM; \\n may stand for a line break',
    schema: pem,
  }),
  temporalClientKeyPath: setting({
    name: 'TEMPORAL_TLS_CLIENT_KEY_PATH',
    group: GROUP,
    description: 'File with its private key, PEM without a passphrase',
    schema: text,
  }),
  temporalClientKeyData: setting({
    name: 'TEMPORAL_TLS_CLIENT_KEY_DATA',
    group: GROUP,
    description: 'The private key itself',
    secret: true,
    schema: pem,
  }),
  temporalServerCaPath: setting({
    name: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    group: GROUP,
    description: 'File with the CA certificates that the server is checked against, PEM. Unset: those of the system',
    schema: text,
  }),
  temporalServerCaData: setting({
    name: 'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
    group: GROUP,
    description: 'The CA certificates themselves',
    schema: pem,
  }),
  temporalServerName: setting({
    name: 'TEMPORAL_TLS_SERVER_NAME',
    group: GROUP,
    description: "Name in the server's certificate, where it is not the host of TEMPORAL_ADDRESS",
    schema: text,
  }),
  payloadCodecKeys: setting({
    name: 'PAYLOAD_CODEC_KEYS',
    group: GROUP,
    description:
      'Keys that encrypt what Temporal stores of workflows (AES-256-GCM): id:base64 of 32 bytes, comma separated; the first encrypts, all decrypt. The same for worker and commands. Unset: not encrypted',
    secret: true,
    schema: codecKeys,
  }),
  temporalSearchAttributes: setting({
    name: 'TEMPORAL_SEARCH_ATTRIBUTES',
    group: GROUP,
    description:
      'Whether runs carry the search attributes Auth0Tenant and Auth0Resource: on, off, or auto (where the namespace has them registered)',
    default: 'auto',
    schema: z.enum(['auto', 'on', 'off'], { error: 'must be on, off or auto' }),
  }),
  workerDeploymentName: setting({
    name: 'TEMPORAL_WORKER_DEPLOYMENT_NAME',
    group: GROUP,
    description: 'Worker versioning: name of the worker deployment. A version gets work once it is made current',
    schema: text.regex(/^[A-Za-z0-9_-]{1,200}$/, 'may hold letters, digits, dash and _ only'),
  }),
  workerBuildId: setting({
    name: 'TEMPORAL_WORKER_BUILD_ID',
    group: GROUP,
    description: "Worker versioning: build id of this worker, e.g. the image's tag",
    // The server writes a version as `name.build`: a build may hold dots, a name may not.
    schema: text.regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/, 'may hold letters, digits, dot, dash and _ only'),
  }),
};
