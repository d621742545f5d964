import { expect, it } from 'vitest';
import { refusal } from '../../../src/embedded/clickhouse/access.js';

it.each(['localhost', 'localhost:8123', '127.0.0.1:8123', '127.8.9.1', '[::1]:8123'])('answers Host %s', (host) =>
  expect(refusal({ host })).toBeUndefined(),
);

it.each(['evil.example', '127.0.0.1.evil.example:8123', 'localhost.evil.example', '10.0.0.1:8123', '', undefined])(
  'refuses Host %s',
  (host) => expect(refusal(host === undefined ? {} : { host })).toMatch(/localhost/),
);

it('refuses what a web page sends, whatever its Host', () => {
  expect(refusal({ host: 'localhost', origin: 'http://localhost:3000' })).toMatch(/Origin/);
  expect(refusal({ host: 'localhost', origin: 'null' })).toMatch(/Origin/);
  expect(refusal({ host: 'localhost', 'sec-fetch-site': 'cross-site' })).toMatch(/web page/);
  expect(refusal({ host: 'localhost', 'sec-fetch-site': 'none' })).toBeUndefined();
});
