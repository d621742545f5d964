import { expect, it } from 'vitest';
import { ERRORS } from '../../../src/contracts/errors.js';
import { refusedInARow, refusedNote } from '../../../src/contracts/refused.js';

it.each([
  [['CredentialsRejected', 'CredentialsRejected', 'CredentialsRejected'], 'CredentialsRejected'],
  [['InsufficientScope', 'TokenRejected', 'AudienceRejected', ''], 'InsufficientScope'],
  [['CredentialsRejected', 'CredentialsRejected'], undefined],
  [['CredentialsRejected', '', 'CredentialsRejected'], undefined],
  [['', 'CredentialsRejected', 'CredentialsRejected', 'CredentialsRejected'], undefined],
  [['CredentialsRejected', 'CredentialsRejected', 'TenantUnavailable'], undefined],
  [['NotInPlan', 'NotInPlan', 'NotInPlan'], undefined],
  [[], undefined],
])('%j: %s', (ends, kind) => {
  expect(refusedInARow(ends)).toBe(kind);
});

it('says in the note what to do', () => {
  expect(refusedNote('CredentialsRejected')).toBe(
    `Paused after 3 runs in a row failed: CredentialsRejected: ${ERRORS.CredentialsRejected.next} Resume with: schedule resume`,
  );
});
