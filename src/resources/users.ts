import { column, parseInstant } from './columns.js';
import { type Resource, textKey } from './resource.js';

/**
 * Fields that a users export names: all that Auth0 documents as exportable. Without a list the job writes a predefined
 * set that is not published and lacks the metadata.
 * https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure
 */
export const EXPORT_FIELDS = [
  'user_id',
  'email',
  'email_verified',
  'username',
  'phone_number',
  'phone_verified',
  'name',
  'nickname',
  'given_name',
  'family_name',
  'picture',
  'created_at',
  'updated_at',
  'last_login',
  'last_ip',
  'logins_count',
  'last_password_reset',
  'blocked',
  'multifactor',
  'multifactor_last_modified',
  'identities',
  'app_metadata',
  'user_metadata',
] as const;

/** Top-level names of the fields that an export is asked for. */
export function exportedNames(fields: readonly string[]): string[] {
  return [...EXPORT_FIELDS, ...fields].map((field) => field.replace(/[.[].*$/, ''));
}

/** Users: GET /api/v2/users up to 1,000, the export job above, by `updated_at` between full loads. */
export const users: Resource = {
  name: 'users',
  path: '/api/v2/users',
  listName: 'users',
  scope: 'read:users',
  table: 'users_raw',
  keyColumn: 'user_id',
  isKeyPersonal: true,
  keyOf: (record) => textKey(record, 'user_id'),
  changedAt: 'updated_at',
  columns: [
    column('email', 'text'),
    column('email_verified', 'bool?'),
    column('username', 'text'),
    column('phone_number', 'text'),
    column('phone_verified', 'bool?'),
    column('name', 'text'),
    column('nickname', 'text'),
    column('given_name', 'text'),
    column('family_name', 'text'),
    column('picture', 'text'),
    column('created_at', 'time?'),
    column('updated_at', 'time?'),
    column('last_login', 'time?'),
    column('last_ip', 'text'),
    column('logins_count', 'int?'),
    column('last_password_reset', 'time?'),
    column('blocked', 'bool?'),
    column('connections', 'texts', 'identities', '*', 'connection'),
    column('app_metadata', 'json'),
    column('user_metadata', 'json'),
  ],
  partitionOf: null,
  // Tokens of identity providers, which `read:user_idp_tokens` would show, have names like all others.
  redaction: {},
  // At the same updated_at the row that is stored later wins. Odd, since rows of before have two versions a millisecond.
  versionOf: (record) => (parseInstant(record.value['updated_at']) ?? 0) * 2 + 1,
};
