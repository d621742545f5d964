import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, ContextManager } from '@opentelemetry/api';

/**
 * Keeps the active span over awaits. Without a manager OpenTelemetry knows no active context, and each activity would
 * begin a trace of its own. `rootContext` is the API's own.
 */
export function asyncContextManager(rootContext: Context): ContextManager {
  const contexts = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => contexts.getStore() ?? rootContext,
    with: (context, body, thisArg, ...args) => contexts.run(context, () => body.call(thisArg, ...args)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => {
      contexts.disable();
      return manager;
    },
  };
  return manager;
}
