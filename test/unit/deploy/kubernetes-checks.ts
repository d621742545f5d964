// What must hold for the manifests of Kubernetes. As in checks.ts, each check returns its findings as lines.
import { z } from 'zod';

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }), periodSeconds: z.number() });
const container = z.object({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()),
  env: z
    .array(z.object({ name: z.string(), value: z.unknown().optional(), valueFrom: z.unknown().optional() }))
    .default([]),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }) })).default([]),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  securityContext: z.object({
    allowPrivilegeEscalation: z.boolean(),
    readOnlyRootFilesystem: z.boolean(),
    capabilities: z.object({ drop: z.array(z.string()) }),
  }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().default(false) })),
});
const pod = z.object({
  terminationGracePeriodSeconds: z.number().default(30),
  automountServiceAccountToken: z.boolean(),
  securityContext: z.object({
    runAsNonRoot: z.boolean(),
    runAsUser: z.number(),
    fsGroup: z.number(),
    seccompProfile: z.object({ type: z.string() }),
  }),
  containers: z.tuple([container]),
  volumes: z.array(
    z.object({
      name: z.string(),
      configMap: z.object({ name: z.string() }).optional(),
      secret: z.object({ secretName: z.string() }).optional(),
      emptyDir: z.object({}).optional(),
    }),
  ),
});
const labels = z.record(z.string(), z.string());
const peer = z.object({
  namespaceSelector: z.object({ matchLabels: labels }).optional(),
  podSelector: z.object({ matchLabels: labels }).optional(),
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
});
const opened = z.array(z.object({ port: z.number(), protocol: z.string() }));
const meta = z.object({ name: z.string(), namespace: z.string().optional(), labels: labels.default({}) });

/** The parts of a manifest that the checks look at; what Kubernetes' own schema knows is not repeated here. */
export const manifest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Namespace'), metadata: meta }),
  z.object({ kind: z.literal('ConfigMap'), metadata: meta, data: z.record(z.string(), z.string()) }),
  z.object({ kind: z.literal('Secret'), metadata: meta, stringData: z.record(z.string(), z.string()) }),
  z.object({
    kind: z.literal('Deployment'),
    metadata: meta,
    spec: z.object({
      selector: z.object({ matchLabels: labels }),
      template: z.object({ metadata: z.object({ labels }), spec: pod }),
    }),
  }),
  z.object({
    kind: z.literal('Job'),
    metadata: meta,
    spec: z.object({ template: z.object({ metadata: z.object({ labels }), spec: pod }) }),
  }),
  z.object({
    kind: z.literal('PodDisruptionBudget'),
    metadata: meta,
    spec: z.object({ selector: z.object({ matchLabels: labels }) }),
  }),
  z.object({
    kind: z.literal('NetworkPolicy'),
    metadata: meta,
    spec: z.object({
      podSelector: z.object({ matchLabels: labels }),
      policyTypes: z.array(z.string()),
      ingress: z.array(z.object({ from: z.array(peer).default([]), ports: opened })),
      egress: z.array(z.object({ to: z.array(peer).default([]), ports: opened.default([]) })),
    }),
  }),
  z.object({
    kind: z.literal('PodMonitor'),
    metadata: meta,
    spec: z.object({
      selector: z.object({ matchLabels: labels }),
      podMetricsEndpoints: z.array(z.object({ port: z.string(), path: z.string() })),
    }),
  }),
]);

export type Manifest = z.infer<typeof manifest>;
type Kind = Manifest['kind'];
type Workload = Extract<Manifest, { kind: 'Deployment' | 'Job' }>;

export function ofKind<K extends Kind>(all: readonly Manifest[], kind: K): Extract<Manifest, { kind: K }>[] {
  return all.filter((one): one is Extract<Manifest, { kind: K }> => one.kind === kind);
}

function workloads(all: readonly Manifest[]): Workload[] {
  return [...ofKind(all, 'Deployment'), ...ofKind(all, 'Job')];
}

const podOf = (workload: Workload) => workload.spec.template.spec;

/** Names of settings that a manifest sets must be settings of the program; `_FILE` stands for a secret's file. */
export function settingProblems(all: readonly Manifest[], known: ReadonlySet<string>): string[] {
  const named = [
    ...ofKind(all, 'ConfigMap').flatMap(({ data }) => Object.keys(data).filter((key) => /^[A-Z]/.test(key))),
    ...workloads(all).flatMap((workload) => podOf(workload).containers[0].env.map(({ name }) => name)),
  ];
  return named.filter((name) => !known.has(name)).map((name) => `${name} is no setting`);
}

const SECRET = /PASSWORD$|SECRET$|PRIVATE_KEY$|API_KEY$|TOKEN$/;

/** A secret's value stands nowhere: neither in an environment nor in a ConfigMap, and the Secret shown is a form. */
export function secretProblems(all: readonly Manifest[]): string[] {
  const inMaps = ofKind(all, 'ConfigMap').flatMap(({ data }) =>
    Object.keys(data)
      .filter((name) => SECRET.test(name))
      .map((name) => `${name} is in a ConfigMap`),
  );
  const inEnv = workloads(all).flatMap((workload) =>
    podOf(workload)
      .containers[0].env.filter(({ name, value }) => SECRET.test(name) && value !== undefined)
      .map(({ name }) => `${workload.kind}: ${name} is written out`),
  );
  const inSecrets = ofKind(all, 'Secret').flatMap(({ stringData }) =>
    Object.entries(stringData)
      .filter(([, value]) => value !== 'REPLACE_ME')
      .map(([name]) => `${name} has a value`),
  );
  return [...inMaps, ...inEnv, ...inSecrets];
}

/** Files that the settings name must lie in a mounted Secret or ConfigMap that holds them. */
export function fileProblems(all: readonly Manifest[], files: readonly string[]): string[] {
  const keys = new Map<string, string[]>([
    ...ofKind(all, 'ConfigMap').map(({ metadata, data }) => [`map ${metadata.name}`, Object.keys(data)] as const),
    ...ofKind(all, 'Secret').map(
      ({ metadata, stringData }) => [`secret ${metadata.name}`, Object.keys(stringData)] as const,
    ),
  ]);
  return workloads(all).flatMap((workload) => {
    const { volumes, containers } = podOf(workload);
    const paths = containers[0].volumeMounts.flatMap(({ name, mountPath, readOnly }) => {
      const volume = volumes.find((one) => one.name === name);
      const source = volume?.secret ? `secret ${volume.secret.secretName}` : `map ${volume?.configMap?.name ?? ''}`;
      return readOnly ? (keys.get(source) ?? []).map((key) => `${mountPath}/${key}`) : [];
    });
    const mounted = new Set(paths);
    return files.filter((file) => !mounted.has(file)).map((file) => `${workload.kind}: ${file} is not mounted`);
  });
}

const PRIVATE: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['10.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  '::/0': ['fc00::/7', 'fe80::/10'],
};

/** Each rule of a policy names with whom, and what the worker's settings lead to is among it. */
export function policyProblems(all: readonly Manifest[]): string[] {
  const settings = ofKind(all, 'ConfigMap').find(({ metadata }) => metadata.name.endsWith('-settings'))?.data ?? {};
  return ofKind(all, 'NetworkPolicy').flatMap(({ spec: { policyTypes, ingress, egress } }) => {
    const problems = ['Ingress', 'Egress']
      .filter((kind) => !policyTypes.includes(kind))
      .map((kind) => `${kind} is open`);
    if (ingress.some(({ from }) => from.length === 0)) problems.push('lets in from anywhere');
    const open: { where: string; port: string }[] = [];
    for (const { to, ports } of egress) {
      if (to.length === 0) problems.push(`lets out to anywhere on ${ports.map(({ port }) => port).join()}`);
      if (ports.length === 0) problems.push('lets out on every port');
      for (const { ipBlock, namespaceSelector } of to) {
        for (const block of ipBlock === undefined ? [] : (PRIVATE[ipBlock.cidr] ?? [])) {
          if (!ipBlock?.except.includes(block)) problems.push(`lets out to ${block}`);
        }
        const where = ipBlock?.cidr ?? namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] ?? '';
        open.push(...ports.map(({ port, protocol }) => ({ where, port: `${protocol} ${port}` })));
      }
    }
    const wanted = [
      { where: 'kube-system', port: 'UDP 53' },
      { where: 'kube-system', port: 'TCP 53' },
      { where: '0.0.0.0/0', port: 'TCP 443' },
      ...[`tcp://${settings['TEMPORAL_ADDRESS'] ?? ''}`, settings['CLICKHOUSE_URL'] ?? ''].map((address) => {
        const { hostname, port } = new URL(address);
        const [, space] = /^[^.]+[.]([^.]+)[.]svc[.]/.exec(hostname) ?? [];
        return { where: space ?? '0.0.0.0/0', port: `TCP ${port}` };
      }),
    ];
    const missing = wanted.filter((one) => !open.some(({ where, port }) => where === one.where && port === one.port));
    return [...problems, ...missing.map(({ where, port }) => `does not let out to ${where} on ${port}`)];
  });
}

/** What `pod-security: restricted` and a read-only image ask for. */
export function privilegeProblems(all: readonly Manifest[]): string[] {
  return workloads(all).flatMap((workload) => {
    const { securityContext: own, containers, automountServiceAccountToken, volumes } = podOf(workload);
    const [{ securityContext: inside, volumeMounts }] = containers;
    const scratch = new Set(volumes.filter(({ emptyDir }) => emptyDir !== undefined).map(({ name }) => name));
    const findings: [boolean, string][] = [
      [own.runAsNonRoot && own.runAsUser !== 0, 'may run as root'],
      [own.fsGroup !== 0, 'reads its secrets as root'],
      [own.seccompProfile.type === 'RuntimeDefault', 'has no seccomp profile'],
      [inside.readOnlyRootFilesystem, 'can write to its image'],
      [!inside.allowPrivilegeEscalation, 'may gain privileges'],
      [inside.capabilities.drop.includes('ALL'), 'keeps capabilities'],
      [!automountServiceAccountToken, 'holds a token of the cluster'],
      [volumeMounts.every(({ name, readOnly }) => readOnly || scratch.has(name)), 'can write to what is mounted'],
    ];
    return findings.filter(([good]) => !good).map(([, text]) => `${workload.metadata.name} ${text}`);
  });
}

/** Probes, ports, budget, policy and monitor speak of the same port and the same pods. */
export function wiringProblems(all: readonly Manifest[]): string[] {
  const problems: string[] = [];
  const [worker] = ofKind(all, 'Deployment');
  const settings = ofKind(all, 'ConfigMap').find(({ metadata }) => metadata.name.endsWith('-settings'))?.data ?? {};
  if (!worker) return ['no worker'];
  const [main] = worker.spec.template.spec.containers;
  const [metrics] = main.ports;
  if (String(metrics?.containerPort) !== settings['METRICS_PORT'])
    problems.push('the metrics port is not METRICS_PORT');
  if (settings['METRICS_HOST'] !== '0.0.0.0') problems.push('the kubelet cannot reach the metrics port');
  const probes = { startup: main.startupProbe, liveness: main.livenessProbe, readiness: main.readinessProbe };
  for (const [kind, set] of Object.entries(probes)) {
    const path = kind === 'readiness' ? '/readyz' : '/healthz';
    if (set?.httpGet.path !== path) problems.push(`the ${kind} probe does not ask ${path}`);
    if (set?.httpGet.port !== metrics?.name) problems.push(`the ${kind} probe asks another port`);
  }
  const grace = worker.spec.template.spec.terminationGracePeriodSeconds;
  if (!(grace > Number(settings['SHUTDOWN_GRACE'] ?? 20))) problems.push(`killed after ${grace} s`);

  const podLabels = worker.spec.template.metadata.labels;
  const selects = (selector: Record<string, string>) =>
    Object.entries(selector).every(([name, value]) => podLabels[name] === value);
  const selectors = {
    Deployment: worker.spec.selector.matchLabels,
    PodDisruptionBudget: ofKind(all, 'PodDisruptionBudget')[0]?.spec.selector.matchLabels,
    NetworkPolicy: ofKind(all, 'NetworkPolicy')[0]?.spec.podSelector.matchLabels,
    PodMonitor: ofKind(all, 'PodMonitor')[0]?.spec.selector.matchLabels,
  };
  for (const [kind, selector] of Object.entries(selectors)) {
    if (selector === undefined || !selects(selector)) problems.push(`${kind} does not select the worker`);
  }
  const open =
    ofKind(all, 'NetworkPolicy')[0]?.spec.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)) ?? [];
  if (open.join() !== String(metrics?.containerPort)) problems.push('NetworkPolicy lets in another port');
  const scraped = ofKind(all, 'PodMonitor')[0]?.spec.podMetricsEndpoints.map(({ port }) => port) ?? [];
  if (scraped.join() !== metrics?.name) problems.push('PodMonitor reads another port');

  const names = new Set(ofKind(all, 'ConfigMap').map(({ metadata }) => metadata.name));
  const secrets = new Set(ofKind(all, 'Secret').map(({ metadata }) => metadata.name));
  for (const workload of workloads(all)) {
    const { containers, volumes } = podOf(workload);
    const wanted = [
      ...containers[0].envFrom.map(({ configMapRef }) => configMapRef.name),
      ...volumes.flatMap(({ configMap }) => configMap?.name ?? []),
    ];
    for (const name of wanted) if (!names.has(name)) problems.push(`${workload.kind} wants ConfigMap ${name}`);
    for (const { secret } of volumes) {
      if (secret && !secrets.has(secret.secretName))
        problems.push(`${workload.kind} wants Secret ${secret.secretName}`);
    }
  }
  const spaces = all.filter(({ kind }) => kind !== 'Namespace').map(({ metadata }) => metadata.namespace);
  if (spaces.some((space) => space !== ofKind(all, 'Namespace')[0]?.metadata.name)) problems.push('another namespace');
  return problems;
}
