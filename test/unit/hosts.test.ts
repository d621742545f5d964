import { expect, it } from 'vitest';
import { isKnownHost, isLoopbackHost } from '../../src/hosts.js';

it.each([
  ['127.0.0.1:9464', true, true],
  ['localhost', true, true],
  ['[::1]:80', true, true],
  ['127.8.0.1', true, true],
  ['10.244.3.7:9464', true, false],
  ['[fd00::7]:9464', true, false],
  ['worker:9464', true, false],
  ['metrics.acme.example:9464', true, false],
  ['METRICS.acme.example', true, false],
  [undefined, true, false],
  ['evil.example', false, false],
  ['127.0.0.1.evil.example:9464', false, false],
  ['localhost.evil.example', false, false],
  ['127.0.0.1@evil.example', false, false],
  ['10.1.2.3.nip.io', false, false],
])('%s', (host, known, loopback) => {
  expect(isKnownHost(host, ['metrics.acme.example'])).toBe(known);
  expect(isLoopbackHost(host)).toBe(loopback);
});
