import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildProgram } from '../../../src/commands/program.js';
import { parseConfig } from '../../../src/config/config.js';
import { SETTINGS } from '../../../src/config/settings.js';
import { dockerStages } from './checks.js';
import {
  fileProblems,
  type Manifest,
  manifest,
  ofKind,
  policyProblems,
  privilegeProblems,
  secretProblems,
  settingProblems,
  wiringProblems,
} from './kubernetes-checks.js';

const root = new URL('../../../', import.meta.url);
const folder = new URL('deploy/kubernetes/', root);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const source = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n---\n');

function load(text: string = source): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return manifest.parse(document.toJS());
  });
}

/** The manifests with one piece of text changed, which must be there. */
function changed(from: string | RegExp, to: string): Manifest[] {
  const text = source.replace(from, to);
  if (text === source) throw new Error(`deploy/kubernetes holds no ${String(from)}`);
  return load(text);
}

const all = load();
/** Where the worker serves its metrics and probes. */
const SERVER = ['METRICS_HOST', 'METRICS_PORT'];
const settings = new Set([
  ...Object.values(SETTINGS).flatMap(({ name, secret }) => (secret === true ? [name, `${name}_FILE`] : [name])),
  ...SERVER,
]);
const configMap = (suffix: string) =>
  ofKind(all, 'ConfigMap').find(({ metadata }) => metadata.name.endsWith(suffix))?.data ?? {};
const [worker] = ofKind(all, 'Deployment');
const [job] = ofKind(all, 'Job');
const kustomization = z
  .object({
    resources: z.array(z.string()),
    images: z.array(z.object({ name: z.string(), newName: z.string(), newTag: z.string() })),
  })
  .parse(parse(readFileSync(new URL('kustomization.yaml', folder), 'utf8')));

describe('deploy/kubernetes', () => {
  it('sets only settings that exist', () => {
    expect(settingProblems(all, settings)).toEqual([]);
    expect(settingProblems(changed('CLICKHOUSE_USER:', 'CLICKHOUSE_USR:'), settings)).toEqual([
      'CLICKHOUSE_USR is no setting',
    ]);
  });

  it('holds no secret', () => {
    expect(secretProblems(all)).toEqual([]);
  });

  it.each([
    ['in a ConfigMap', 'CLICKHOUSE_USER: auth0', 'CLICKHOUSE_PASSWORD: hunter2', 'is in a ConfigMap'],
    ['in the Secret shown', 'clickhouse-password: REPLACE_ME', 'clickhouse-password: hunter2', 'has a value'],
    [
      'in the environment',
      '          envFrom:',
      '          env: [{ name: AUTH0_CLIENT_SECRET, value: x }]\n          envFrom:',
      'is written out',
    ],
  ])('sees a secret %s', (_, from, to, problem) => {
    expect(secretProblems(changed(from, to))).toEqual([expect.stringContaining(problem)]);
  });

  it('is a configuration that the program takes, from files that are mounted', () => {
    const asked: string[] = [];
    const readFile = (path: string) => {
      asked.push(path);
      return 'from-a-file';
    };
    const { CLICKHOUSE_PASSWORD_FILE: passwordFile = '', ...env } = configMap('-settings');
    const text = configMap('-tenants')['tenants.yaml'] ?? '';
    const config = parseConfig(env, { tenants: { file: 'tenants.yaml', text }, readFile });
    expect(config.tenants.map(({ name }) => name)).toEqual(['acme.eu']);
    expect(asked).toHaveLength(2);
    const wanted = [env['TENANTS_FILE'] ?? '', passwordFile, ...asked];
    expect(fileProblems(all, wanted)).toEqual([]);
    expect(
      fileProblems(changed(/mountPath: \/run\/secrets\/auth0-clickhouse/, 'mountPath: /secrets'), wanted),
    ).toHaveLength(3);
    expect(fileProblems(changed('acme-client-secret: REPLACE_ME', 'other: REPLACE_ME'), wanted)).toHaveLength(2);
  });

  it('runs with as few privileges as it can', () => {
    expect(privilegeProblems(all)).toEqual([]);
  });

  it.each([
    ['runAsUser: 1000', 'runAsUser: 0', 'may run as root'],
    ['fsGroup: 1000', 'fsGroup: 0', 'as root'],
    ['type: RuntimeDefault', 'type: Unconfined', 'seccomp'],
    ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', 'write to its image'],
    ['allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true', 'gain privileges'],
    ["drop: ['ALL']", "drop: ['NET_RAW']", 'keeps capabilities'],
    ['automountServiceAccountToken: false', 'automountServiceAccountToken: true', 'token of the cluster'],
    ['readOnly: true', 'readOnly: false', 'what is mounted'],
  ])('sees %s turned into %s', (from, to, problem) => {
    expect(privilegeProblems(changed(from, to))).toEqual([expect.stringContaining(problem)]);
  });

  it('talks to whom it must, and to nobody else', () => {
    expect(policyProblems(all)).toEqual([]);
  });

  it.each([
    ["policyTypes: ['Ingress', 'Egress']", "policyTypes: ['Ingress']", 'Egress is open'],
    [/(?<=kind: NetworkPolicy[^]*?) {4}- from:\n(?: {8}.*\n)+? {6}ports:/, '    - ports:', 'lets in from anywhere'],
    [/(?<=metadata.name: temporal\n {6}ports:\n {8}- port: )7233/, '7234', 'does not let out to temporal on TCP 7233'],
    [/metadata.name: temporal(?=\n {6}ports)/, 'metadata.name: other', 'does not let out to temporal'],
    ['              - 169.254.0.0/16\n', '', 'lets out to 169.254.0.0/16'],
    ['              - 10.0.0.0/8\n', '', 'lets out to 10.0.0.0/8'],
    [/(?<=fe80::\/10\n) {6}ports:\n {8}- port: 443\n {10}protocol: TCP\n/, '      ports:\n', 'on TCP 443'],
    [/(?<=kind: NetworkPolicy[^]*) {4}- to:\n {8}- ipBlock[^]*?(?= {6}ports:)/, '    - to: []\n', 'to anywhere on 443'],
    ['https://clickhouse.example.com:8443', 'https://clickhouse.example.com:9440', 'on TCP 9440'],
  ])('sees a policy with %s turned into %s', (from, to, problem) => {
    expect(policyProblems(changed(from, to))).toContainEqual(expect.stringContaining(problem));
  });

  it('fits together', () => {
    expect(wiringProblems(all)).toEqual([]);
  });

  it.each([
    ["METRICS_PORT: '9464'", "METRICS_PORT: '9465'", 'METRICS_PORT'],
    ['METRICS_HOST: 0.0.0.0', 'METRICS_HOST: 127.0.0.1', 'kubelet'],
    ['path: /readyz', 'path: /ready', '/readyz'],
    [/path: \/healthz(?=\s+port: metrics\s+periodSeconds: 20)/, 'path: /', 'liveness'],
    ['terminationGracePeriodSeconds: 45', 'terminationGracePeriodSeconds: 20', 'killed after 20 s'],
    ['        - port: 9464', '        - port: 9000', 'lets in another port'],
    ['- port: metrics\n', '- port: http\n', 'PodMonitor reads'],
    [
      'configMapRef:\n                name: auth0-clickhouse-settings',
      'configMapRef:\n                name: other',
      'wants ConfigMap other',
    ],
    ['secretName: auth0-clickhouse', 'secretName: other', 'wants Secret other'],
    [/(?<=PodDisruptionBudget[^]*?)component: worker/, 'component: workers', 'PodDisruptionBudget does not select'],
    [/(?<=kind: Job[^]*?)namespace: auth0-clickhouse/, 'namespace: other', 'another namespace'],
  ])('sees %s turned into %s', (from, to, problem) => {
    expect(wiringProblems(changed(from, to))).toContainEqual(expect.stringContaining(problem));
  });

  it('runs what the image holds, as the image does', () => {
    const runtime = dockerStages(read('Dockerfile')).at(-1)?.instructions ?? [];
    const command: unknown = JSON.parse(runtime.findLast(({ name }) => name === 'CMD')?.rest ?? '[]');
    expect(worker?.spec.template.spec.containers[0].command).toEqual(command);
    const [node, program, ...words] = job?.spec.template.spec.containers[0].command ?? [];
    expect([node, program]).toEqual(['node', 'dist/client.js']);
    const known = buildProgram('0.0.0', () => {}).commands.find((one) => one.name() === words[0]);
    expect(known?.commands.map((one) => one.name())).toContain(words[1]);
  });

  it('names the image and the version of docker-compose.yml', () => {
    const compose: unknown = parse(read('docker-compose.yml'));
    const image = z.object({ services: z.object({ worker: z.object({ image: z.string() }) }) }).parse(compose).services
      .worker.image;
    expect(worker?.spec.template.spec.containers[0].image).toBe(image);
    expect(job?.spec.template.spec.containers[0].image).toBe(image);
    expect(kustomization.images.map(({ name, newTag }) => `${name}:${newTag}`)).toEqual([image]);
  });

  it('is listed in kustomization.yaml, but for the form of the Secret and what is optional', () => {
    expect(kustomization.resources.filter((name) => !existsSync(new URL(name, folder)))).toEqual([]);
    const optional = ['network-policy.yaml', 'pod-monitor.yaml', 'secret.example.yaml'];
    expect(files.filter((name) => !kustomization.resources.includes(name)).toSorted()).toEqual(optional);
  });
});
