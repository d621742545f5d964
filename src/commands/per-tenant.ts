/** Tenants that are asked about at once: a Temporal server limits the calls of a namespace, 1,000 tenants are many. */
export const TENANTS_AT_ONCE = 8;

/** The document of a command: one for one tenant, a list of them for several. */
export function perTenant<T extends { tenant: string }>(documents: readonly T[]): T | { tenants: readonly T[] } {
  const [only] = documents;
  return only !== undefined && documents.length === 1 ? only : { tenants: documents };
}
