import { fraction, hexText, mix, pick } from '../random.js';
import type { UserIdentities } from '../user-identity.js';
import type { Vocabulary } from '../vocabulary.js';
import { fromWire } from '../wire-text.js';
import { matchPath, type ObjectEndpoint, type ObjectRecord } from './endpoint.js';

const SALT = { organization: 101, size: 102, member: 103, role: 104, memberRole: 105 } as const;

/** How many objects the tenant has at first. */
export interface CompanySizes {
  /** Roles of the tenant. */
  readonly roles: number;
  readonly organizations: number;
  /** Most members that an organization has; the fewest are none. */
  readonly membersPerOrganization: number;
}

/** What the objects are made from. */
export interface CompanySource {
  readonly seed: number;
  readonly words: Vocabulary;
  readonly identities: UserIdentities;
  /** Number of users that ever were, and whether one of them is gone. */
  readonly users: { readonly size: number; isRemoved(index: number): boolean };
}

const ROLES = '/api/v2/roles';
const ORGANIZATIONS = '/api/v2/organizations';
const MEMBERS = '/api/v2/organizations/{organization_id}/members';

/** Member of a record that only the emulator sees: it is left out of what is served. */
export const HIDDEN = '_type';

/**
 * The endpoints of roles, organizations and their members. Roles of organizations are listed beside those of the tenant
 * unless `type=tenant` is asked for, as real tenants with that feature do. A member's roles come only where `fields` names them.
 */
export const COMPANY_ENDPOINTS: readonly ObjectEndpoint[] = [
  {
    name: 'roles',
    path: ROLES,
    list: 'roles',
    key: 'id',
    anyScope: ['read:roles'],
    paging: 'both',
    single: true,
    matches: (record, query) => query.get('type') !== 'tenant' || record[HIDDEN] !== 'organization',
  },
  {
    name: 'organizations',
    path: ORGANIZATIONS,
    list: 'organizations',
    key: 'id',
    anyScope: ['read:organizations'],
    paging: 'both',
    single: true,
  },
  {
    name: 'organization_members',
    path: MEMBERS,
    list: 'members',
    key: 'user_id',
    anyScope: ['read:organization_members'],
    paging: 'both',
    onRequest: { members: ['roles'], scope: 'read:organization_member_roles' },
    parent: ORGANIZATIONS,
  },
];

/** The objects that a tenant has before anything changes: a function of its seed, of its sizes and of the users that are there. */
export class Company {
  readonly #source: CompanySource;
  readonly #sizes: CompanySizes;
  readonly #ids: ReadonlyMap<string, number>;

  constructor(source: CompanySource, sizes: CompanySizes) {
    this.#source = source;
    this.#sizes = sizes;
    this.#ids = new Map(
      Array.from({ length: sizes.organizations }, (_, index) => [this.#organizationId(index), index]),
    );
  }

  /** The records of a path, in the order in which they are listed; none where it is not one of ours. */
  records(path: string): readonly ObjectRecord[] {
    if (path === ROLES) return this.#roles();
    if (path === ORGANIZATIONS)
      return Array.from({ length: this.#sizes.organizations }, (_, index) => this.#organization(index));
    const [id] = matchPath(MEMBERS, path) ?? [];
    const index = id === undefined ? undefined : this.#ids.get(id);
    return index === undefined ? [] : this.#members(index);
  }

  #roles(): ObjectRecord[] {
    const tenant = Array.from({ length: this.#sizes.roles }, (_, index) => this.#role(index));
    const own = Array.from({ length: Math.floor(this.#sizes.organizations / 20) }, (_, index) => ({
      id: `rol_${hexText(this.#source.seed, index, SALT.role + 50, 16)}`,
      name: `Owner of ${this.#organizationName(index * 20)}`,
      description: 'A role of one organization',
      [HIDDEN]: 'organization',
    }));
    return [...tenant, ...own];
  }

  #role(index: number): ObjectRecord {
    const kind = pick(['Admin', 'Editor', 'Viewer', 'Billing', 'Support', 'Auditor'], index);
    const name = index < 6 ? kind : `${kind} ${pick(this.#source.words.products, index)} ${index}`;
    return {
      id: `rol_${hexText(this.#source.seed, index, SALT.role, 16)}`,
      name,
      ...(index % 4 !== 3 && { description: `${name} – may do what the name says` }),
    };
  }

  #organization(index: number): ObjectRecord {
    const name = this.#organizationName(index);
    return {
      id: this.#organizationId(index),
      name,
      display_name: `${pick(this.#source.words.companies, mix(this.#source.seed, index, SALT.organization))} ${index}`,
      ...(index % 3 === 0 && {
        branding: {
          logo_url: `https://cdn.example/${name}.png`,
          colors: { primary: '#0059d6', page_background: '#000000' },
        },
      }),
      ...(index % 2 === 0 && { metadata: { plan: pick(['free', 'team', 'enterprise'], index), seats: String(index) } }),
    };
  }

  #organizationId(index: number): string {
    return `org_${hexText(this.#source.seed, index, SALT.organization, 16)}`;
  }

  #organizationName(index: number): string {
    return `${pick(this.#source.words.companies, mix(this.#source.seed, index, SALT.organization))}-${index}`;
  }

  // Small organizations are the usual ones: an uneven draw leaves fewer than half of the most on average.
  #members(organization: number): ObjectRecord[] {
    const { seed, users, identities } = this.#source;
    if (users.size === 0) return [];
    const most = this.#sizes.membersPerOrganization + 1;
    const count = Math.min(users.size, Math.floor(most * fraction(seed, organization, SALT.size) ** 1.3));
    const first = mix(seed, organization, SALT.member) % users.size;
    const members: ObjectRecord[] = [];
    for (let offset = 0; offset < count; offset++) {
      const index = (first + offset) % users.size;
      if (users.isRemoved(index)) continue;
      const { userId, email, given, family } = identities.at(index);
      members.push({
        user_id: userId,
        picture: `https://cdn.example/${index}.png`,
        name: `${given.shown} ${fromWire(family.wire)}`,
        ...(email !== undefined && { email }),
        roles: this.#rolesOf(organization, index),
      });
    }
    return members;
  }

  #rolesOf(organization: number, user: number): ObjectRecord[] {
    const { roles } = this.#sizes;
    if (roles === 0) return [];
    const draw = mix(this.#source.seed, user, SALT.memberRole + organization * 1_000);
    const chosen = new Set(Array.from({ length: draw % 3 }, (_, index) => (draw + index * 7) % roles));
    return [...chosen].map((index) => {
      const { id, name } = this.#role(index);
      return { id, name };
    });
  }
}
