// What must hold for the files that build and start production. Each check returns its findings as lines, so that a
// test sees them all, and can be shown a broken file to prove that it looks.
import type { Compose, Service } from './compose-schema.js';

/** `shutdownGraceTime` of the worker: activities may take so long to end after SIGTERM. */
export const WORKER_SHUTDOWN_SECONDS = 20;

/** The tag has at least two numbers, so neither `latest` nor a bare major version passes; nor does a variable in it. */
const PINNED = /^[a-z0-9./_-]+:v?\d+(\.\d+)+([-.][a-z0-9.]+)*(@sha256:[0-9a-f]{64})?$/;

export function isPinned(image: string): boolean {
  return PINNED.test(image);
}

function services(compose: Compose): [string, Service][] {
  return Object.entries(compose.services);
}

function isProbed(service: Service): boolean {
  return service.healthcheck !== undefined && 'test' in service.healthcheck;
}

/** The image that is taken where .env names no other one. */
export function defaultImage(image: string): string {
  return /^\$\{[A-Z_]+_IMAGE:-(.*)\}$/.exec(image)?.[1] ?? image;
}

/** Images are pinned to a version, and those of others can be pinned by digest from .env. */
export function imageProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) => {
    const image = defaultImage(service.image);
    if (!isPinned(image)) return [`${name}: ${service.image} is not pinned to a version`];
    return image === service.image && service.build === undefined ? [`${name}: ${image} is not a variable`] : [];
  });
}

/** What a service that was taken over could do to the machine and to the others is bounded. */
export function hardeningProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) => {
    const writable = service['x-writable'] !== undefined;
    const findings: [boolean, string][] = [
      [service.user !== undefined && !/^(root|0+)(:|$)/.test(service.user), 'may run as root'],
      [(service.read_only === true) !== writable, 'no read_only, and no x-writable that says why; or both'],
      [!(service.read_only === true) || (service.tmpfs ?? []).includes('/tmp'), 'no /tmp that it can write to'],
      [service.cap_drop?.join() === 'ALL', 'keeps capabilities'],
      [service.security_opt?.includes('no-new-privileges:true') === true, 'can gain privileges'],
      [service.mem_limit !== undefined, 'no limit of memory'],
      [service.cpus !== undefined, 'no limit of processors'],
      [service.pids_limit !== undefined, 'no limit of processes'],
    ];
    return findings.filter(([holds]) => !holds).map(([, problem]) => `${name}: ${problem}`);
  });
}

/** Services that know a secret: the fewer, the less one that was taken over can tell. */
export function holders(compose: Compose, secret: string): string[] {
  return services(compose)
    .filter(([, { environment = {} }]) => interpolations(environment).some(({ name }) => name === secret))
    .map(([name]) => name);
}

/** A service either runs for good, restarted and probed, or ends by itself and says why. */
export function lifecycleProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) => {
    const problems: string[] = [];
    if (service['x-one-shot'] === undefined) {
      if (!isProbed(service)) problems.push(`${name}: no health check, and no x-one-shot that says why`);
      if (!/^(always|unless-stopped)$/.test(service.restart)) problems.push(`${name}: not restarted after a crash`);
    } else {
      if (isProbed(service)) problems.push(`${name}: one-shot with a health check`);
      // Restarted for ever, it would never count as completed.
      if (!/^(no|on-failure:\d+)$/.test(service.restart)) problems.push(`${name}: one-shot that never ends`);
    }
    return problems;
  });
}

export function portProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) =>
    (service.ports ?? [])
      .filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))
      .map((port) => `${name}: port ${port} is published beyond loopback`),
  );
}

/** Each condition must be one that its target can fulfil: Compose waits for ever, or not at all, for one that cannot. */
export function dependencyProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) =>
    Object.entries(service.depends_on ?? {}).flatMap(([target, { condition }]) => {
      const other = compose.services[target];
      if (other === undefined) return [`${name}: depends on ${target}, which does not exist`];
      if (condition === 'service_healthy' && !isProbed(other)) {
        return [`${name}: waits for ${target} to be healthy, which has no health check`];
      }
      if (condition === 'service_completed_successfully' && other['x-one-shot'] === undefined) {
        return [`${name}: waits for ${target} to end, which runs for good`];
      }
      if (condition === 'service_started') return [`${name}: waits for ${target} to be started, not to be ready`];
      return [];
    }),
  );
}

export function volumeProblems(compose: Compose): string[] {
  return services(compose).flatMap(([name, service]) =>
    (service.volumes ?? []).flatMap((volume) => {
      const source = volume.split(':')[0] ?? '';
      if (source.startsWith('./')) return volume.endsWith(':ro') ? [] : [`${name}: ${source} is mounted writable`];
      return source in compose.volumes ? [] : [`${name}: ${source} is not among the volumes`];
    }),
  );
}

function seconds(duration: string): number {
  const unit: Record<string, number> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
  return [...duration.matchAll(/(\d+)(us|ms|s|m|h)/g)].reduce(
    (sum, [, count = '0', of = '']) => sum + Number(count) * (unit[of] ?? 0),
    0,
  );
}

export function graceProblems(compose: Compose): string[] {
  const grace = seconds(compose.services['worker']?.stop_grace_period ?? '10s');
  return grace > WORKER_SHUTDOWN_SECONDS
    ? []
    : [`worker: killed after ${grace} s, while it lets activities end for ${WORKER_SHUTDOWN_SECONDS} s`];
}

export interface Interpolation {
  name: string;
  /** `:?` and `?` refuse to start without a value, `:-` and `-` bring their own, `` leaves it empty. */
  operator: string;
}

/** Variables that Compose replaces. Comments do not count, nor does the `$$` that stands for a literal `$`. */
export function interpolations(node: unknown): Interpolation[] {
  if (typeof node === 'string') {
    return [...node.replaceAll('$$', '').matchAll(/\$(?:\{([A-Za-z_]\w*)(:?[-?+])?[^}]*\}|([A-Za-z_]\w*))/g)].map(
      ([, braced, operator, bare]) => ({ name: braced ?? bare ?? '', operator: operator ?? '' }),
    );
  }
  if (Array.isArray(node)) return node.flatMap(interpolations);
  if (typeof node === 'object' && node !== null) return Object.values(node).flatMap(interpolations);
  return [];
}

/** Names in an env file; a commented-out line counts, since that is how an optional setting is shown. */
export function envFileNames(text: string): Set<string> {
  return new Set([...text.matchAll(/^\s*(?:#\s*)?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name));
}

export function variableProblems(compose: Compose, envExample: string): string[] {
  const known = envFileNames(envExample);
  return [...new Set(interpolations(compose).map(({ name }) => name))]
    .filter((name) => !known.has(name))
    .map((name) => `${name} is not in .env.example`);
}

const SECRET = /(PASSWORD|PWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY)$/;
/** A private key can stand in for it, so Compose cannot demand it; the worker demands one of the two. */
const REPLACEABLE = '${AUTH0_CLIENT_SECRET:-}';

/** A secret is read from the environment and has no default; an empty value withholds one. */
export function secretProblems(compose: Compose): string[] {
  const weak = interpolations(compose)
    .filter(
      ({ name, operator }) =>
        SECRET.test(name) && operator !== ':?' && !REPLACEABLE.startsWith(`\${${name}${operator}`),
    )
    .map(({ name }) => `${name} is a secret that may be missing or has a default`);
  const literal = services(compose).flatMap(([service, { environment = {}, build }]) =>
    Object.entries({ ...environment, ...build?.args })
      .filter(
        ([name, value]) =>
          SECRET.test(name) && value !== '' && value !== REPLACEABLE && !/^\$\{\w+:\?[^}]*\}$/.test(value),
      )
      .map(([name]) => `${service}: ${name} is written out`),
  );
  const baked = services(compose).flatMap(([service, { build }]) =>
    interpolations(build?.args ?? {})
      .filter(({ name }) => !name.endsWith('_IMAGE'))
      .map(({ name }) => `${service}: ${name} goes into the image`),
  );
  return [...new Set([...weak, ...literal, ...baked])];
}

export interface Instruction {
  /** In capitals, e.g. `RUN`. */
  name: string;
  rest: string;
}

export interface Stage {
  image: string;
  alias: string | undefined;
  instructions: Instruction[];
}

/** The stages of a Dockerfile, with the arguments in front of the first one put into their `FROM`. */
export function dockerStages(dockerfile: string): Stage[] {
  const lines = dockerfile
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const args = new Map<string, string>();
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    const instruction = { name: name.toUpperCase(), rest };
    const stage = stages.at(-1);
    if (instruction.name === 'FROM') {
      const [, image = '', alias] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? [];
      stages.push({
        image: image.replaceAll(/\$\{(\w+)\}/g, (_, arg: string) => args.get(arg) ?? ''),
        alias,
        instructions: [],
      });
    } else if (stage === undefined) {
      const [, arg = '', value = ''] = /^(\w+)=(.*)$/.exec(rest) ?? [];
      args.set(arg, value);
    } else {
      stage.instructions.push(instruction);
    }
  }
  return stages;
}

/** Sources of a `COPY` from the build context; those from another stage are left out. */
export function copiedFromContext(stages: Stage[]): string[] {
  return stages
    .flatMap(({ instructions }) => instructions)
    .filter(({ name, rest }) => name === 'COPY' && !/--from=/.test(rest))
    .flatMap(({ rest }) =>
      rest
        .split(/\s+/)
        .filter((word) => !word.startsWith('--'))
        .slice(0, -1),
    );
}

export function dockerfileProblems(dockerfile: string): string[] {
  const problems: string[] = [];
  const stages = dockerStages(dockerfile);
  const last = stages.at(-1);
  if (stages.length < 2 || last === undefined) return ['one stage: the compiler and its packages are shipped'];
  const all = stages.flatMap(({ instructions }) => instructions);
  const of = (name: string) => last.instructions.filter((instruction) => instruction.name === name);
  const aliases = new Set(stages.map(({ alias }) => alias));

  for (const { image } of stages) {
    if (aliases.has(image)) continue;
    if (!isPinned(image)) problems.push(`${image} is not pinned to a version`);
    if (!/^node:20\.\d+\.\d+-[a-z]+-slim(@|$)/.test(image))
      problems.push(`${image} is not a slim glibc image of node 20`);
  }

  const user = of('USER').at(-1)?.rest;
  if (user === undefined || /^(root|0)(:|$)/.test(user)) problems.push('runs as root');

  // What is shipped comes from a stage that installed without them.
  const modules = of('COPY').find(({ rest }) => /--from=\S+ \S*node_modules /.test(rest));
  const source = stages.find(({ alias }) => alias === /--from=(\S+)/.exec(modules?.rest ?? '')?.[1]);
  const install = source?.instructions.find(({ name, rest }) => name === 'RUN' && /\bnpm ci\b/.test(rest))?.rest ?? '';
  for (const kind of ['dev', 'optional']) {
    if (!install.includes(`--omit=${kind}`)) problems.push(`ships ${kind} dependencies`);
  }

  if (all.some(({ name }) => name === 'ADD')) problems.push('ADD fetches and unpacks: use COPY');
  for (const { name, rest } of all) {
    if (name === 'COPY' && /(^|\s|\/)(\.|\.env\S*|\S*(secret|credential|\.pem|\.key)\S*)\s+\S+$/i.test(rest)) {
      problems.push(`COPY ${rest} can bring in secrets`);
    }
    if ((name === 'ENV' || name === 'ARG') && /(PASSWORD|SECRET|TOKEN|API_KEY|CLIENT_ID)/i.test(rest)) {
      problems.push(`${name} ${rest} bakes a secret into the image`);
    }
  }

  if (of('HEALTHCHECK').length !== 1) problems.push('no health check');
  if (of('STOPSIGNAL').length !== 1) problems.push('no stop signal');
  // In shell form a shell is process 1, and keeps the signal to itself.
  if (!of('CMD').at(-1)?.rest.startsWith('[')) problems.push('CMD is not in exec form');
  for (const label of ['title', 'description', 'licenses', 'version']) {
    if (!of('LABEL').some(({ rest }) => rest.includes(`org.opencontainers.image.${label}=`))) {
      problems.push(`no label ${label}`);
    }
  }
  return problems;
}

/** Whether .dockerignore keeps a path out of the build: the last pattern that matches it or a folder above it decides. */
export function isIgnored(dockerignore: string, path: string): boolean {
  const folders = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  let ignored = false;
  for (const line of dockerignore.split('\n').map((line) => line.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, bang = '', glob = ''] = /^(!?)(.*)$/.exec(line) ?? [];
    const pattern = glob
      .split(/(\*\*\/|\*)/)
      .map((part) =>
        part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('');
    if (folders.some((folder) => new RegExp(`^${pattern}$`).test(folder))) ignored = bang === '';
  }
  return ignored;
}
