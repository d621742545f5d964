import type { Config, TenantConfig } from '../config/config.js';
import { readStack } from '../embedded/data-dir.js';
import { emulatorDefaults } from '../emulator/options.js';

/** The tenants that can be asked from here: the configured ones, else the emulator of the stack that is running. */
export function knownTenants(config: Config): TenantConfig[] {
  if (config.tenants.length > 0) return config.tenants;
  const [emulated] = readStack(config.stack.dataDir)?.tenants.filter((tenant) => tenant.emulated) ?? [];
  if (!emulated) return [];
  const { name, origin } = emulated;
  const { clientId, clientSecret } = emulatorDefaults;
  const auth = { method: 'client_secret', clientSecret } as const;
  const credentials = { origin, audience: `${origin}/api/v2/`, clientId, auth };
  return [{ ...config.defaults, name, credentials }];
}
