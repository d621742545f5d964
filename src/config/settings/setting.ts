import type { z } from 'zod';

/** One environment variable, described once: the parser, `.env.example` and the docs come from it. */
export interface Setting<T = unknown> {
  name: string;
  group: string;
  description: string;
  /** Text of the default as a person would write it; undefined: unset. */
  default?: string;
  unit?: string;
  secret?: boolean;
  /** Where a tenant in tenants.yaml may have a value of its own, and how it is written there. */
  perTenant?: { key: string; type: 'text' | 'number' | 'list' };
  schema: z.ZodType<T, string>;
}

/** Keeps the type of a setting's value. */
export const setting = <T>(definition: Setting<T>): Setting<T> => definition;
