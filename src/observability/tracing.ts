import { createRequire } from 'node:module';
import type { WorkerOptions } from '@temporalio/worker';
import { asyncContextManager } from './trace-context.js';

/** Where traces go. */
export interface TracingOptions {
  /** Base of the collector, e.g. `http://127.0.0.1:4318`; `/v1/traces` is added. */
  endpoint: string;
  serviceName: string;
  headers: Readonly<Record<string, string>>;
  version: string;
}

/** Tracing that is switched on. */
export interface Tracing {
  /** What a worker needs on top: spans of activities, and the sink to which the workflows' interceptors write. */
  workerOptions: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
  /** Sends what is left. Waits some seconds at most, and never rejects: a collector that is down delays no stop. */
  close(): Promise<void>;
}

/** The SDK's module that makes spans inside of workflows; it has to be in their bundle. */
export function workflowTracingModule(): string {
  return createRequire(import.meta.url).resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors');
}

/** The interceptors of a worker that bundles its workflows itself, with those inside of the workflows. */
export function withWorkflowSpans(
  interceptors: WorkerOptions['interceptors'],
): NonNullable<WorkerOptions['interceptors']> {
  return { ...interceptors, workflowModules: [workflowTracingModule()] };
}

const CLOSE_MS = 3_000;

/**
 * Starts OpenTelemetry: a span for each workflow, activity and child workflow, joined over processes by Temporal's
 * headers. Its attributes are ids of workflows, runs and activities; inputs and records are never in them. The packages
 * are loaded here and not before.
 */
export async function startTracing({ endpoint, serviceName, headers, version }: TracingOptions): Promise<Tracing> {
  const [api, { BasicTracerProvider, BatchSpanProcessor }, { Resource }, { OTLPTraceExporter }, temporal] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@temporalio/interceptors-opentelemetry'),
    ]);
  const resource = new Resource({ 'service.name': serviceName, 'service.version': version });
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: CLOSE_MS,
  });
  const spanProcessor = new BatchSpanProcessor(exporter);
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  // The interceptors read trace headers, and the span that is active, through what the process has one of.
  provider.register({ contextManager: asyncContextManager(api.ROOT_CONTEXT) });
  const tracer = provider.getTracer('auth0-clickhouse', version);
  return {
    workerOptions: {
      interceptors: {
        activity: [
          (context) => ({ inbound: new temporal.OpenTelemetryActivityInboundInterceptor(context, { tracer }) }),
        ],
      },
      sinks: { exporter: temporal.makeWorkflowExporter(spanProcessor, resource) },
    },
    async close() {
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, CLOSE_MS).unref();
      });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
    },
  };
}
