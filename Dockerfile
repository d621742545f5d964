# glibc, not musl: Temporal's core has no musl binary. The version is the one that the project is tested on, and all
# stages share it, so that what was built is what runs.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# --- build: all dependencies, TypeScript to dist/, workflows to dist/workflow-bundle.js -------------------------------
FROM ${NODE_IMAGE} AS build
WORKDIR /app

# Optional packages stay in here: the compiler's native part is one. No install script is needed, so none runs.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts

COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

# A worker without its bundle would run webpack at each start, from sources that the image does not hold.
RUN test -s dist/worker.js && test -s dist/client.js && test -s dist/workflow-bundle.js

# --- dependencies: what runs in production. No chdb: ClickHouse is another server, reached over HTTP ------------------
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

# --- runtime ----------------------------------------------------------------------------------------------------------
FROM ${NODE_IMAGE} AS runtime

ARG VERSION=0.0.0
LABEL org.opencontainers.image.title="auth0-clickhouse" \
      org.opencontainers.image.description="Copies an Auth0 tenant into ClickHouse with durable Temporal workflows" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

# Without a limit V8 lets a heap grow as long as the machine has memory: a first copy peaked at 360 to 410 MB, with these
# at 255 MB in the same time. Raise the first one for a worker of many tenants.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=320 --max-semi-space-size=8"
WORKDIR /app

# Owned by root and not writable by the user that runs it. Settings and secrets come with the environment at start.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY deploy/worker-health.mjs ./deploy/worker-health.mjs

# The base image's own unprivileged user (uid 1000).
USER node

# The worker lets its activities end before it leaves (20 s): give it longer than that before SIGKILL.
STOPSIGNAL SIGTERM

# Asks the worker's own /readyz: does it poll, and do Temporal and ClickHouse answer it?
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "deploy/worker-health.mjs"]

# The exec form, so that the signal reaches node and not a shell.
CMD ["node", "dist/worker.js"]
