import { expect, it } from 'vitest';
import { withMembersOf } from '../../../src/clickhouse/held-members.js';
import { parseRecord } from '../../../src/json/page.js';

const NAMES = ['user_id', 'name'];

it.each([
  [
    'what only the stored record has',
    '{"user_id":"a","locale":"de","n":1.10}',
    '{"user_id":"a"}',
    '{"user_id":"a","locale":"de","n":1.10}',
  ],
  ['nothing that the reading names', '{"user_id":"a","name":"old"}', '{"user_id":"a"}', '{"user_id":"a"}'],
  [
    'nothing that the record has itself',
    '{"locale":"de"}',
    '{"user_id":"a","locale":"fr"}',
    '{"user_id":"a","locale":"fr"}',
  ],
  [
    'exact texts',
    '{"big":123456789012345678901234, "t":"\\u00e9"}',
    '{"user_id":"a" }',
    '{"user_id":"a","big":123456789012345678901234,"t":"\\u00e9"}',
  ],
  ['members to an empty record', '{"locale":"de"}', '{}', '{"locale":"de"}'],
])('adds %s', (_, stored, line, whole) => {
  const merged = withMembersOf(stored, parseRecord(line), NAMES);
  expect(merged.raw).toBe(whole);
  expect(merged.value).toEqual(JSON.parse(whole));
});
