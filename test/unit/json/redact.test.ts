import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, type RedactionRule } from '../../../src/json/redact.js';
import { JsonTextError } from '../../../src/json/scan.js';
import { textOf, written } from './json-text.js';

const rule: RedactionRule = { hint: /s/, hintsAtName: false, isSecret: (path) => path.at(-1) === 's' };
const exact: RedactionRule = { ...rule, hint: /s"/, hintsAtName: true };

it.each([
  ['first', '{"s":1,"a":2,"b":3}', '{"a":2,"b":3}'],
  ['in the middle', '{"a":2,"s":1,"b":3}', '{"a":2,"b":3}'],
  ['last', '{"a":2,"b":3,"s":1}', '{"a":2,"b":3}'],
  ['the only one', '{"s":1}', '{}'],
  ['all', '{"s":1,"s":2,"s":3}', '{}'],
  ['first and last', '{"s":1,"a":2,"s":3}', '{"a":2}'],
  ['two first', '{"s":1,"s":2,"a":3}', '{"a":3}'],
  ['two last', '{"a":3,"s":1,"s":2}', '{"a":3}'],
  ['every other one', '{"a":1,"s":1,"b":2,"s":2,"c":3}', '{"a":1,"b":2,"c":3}'],
  ['with spaces', '{ "s" : 1 , "a" : 1.10 }', '{ "a" : 1.10 }'],
  ['with spaces, last', '{ "a" : 1.10 ,\n "s" : 1\n}', '{ "a" : 1.10\n}'],
  ['with spaces, alone', '{ "s" : 1 }', '{  }'],
  ['an object', '{"s":{"a":{"b":1}},"c":{}}', '{"c":{}}'],
  ['in an object', '{"a":{"s":1}}', '{"a":{}}'],
  ['in arrays', '{"a":[1,{"s":2},[{"s":3,"b":4},[]]]}', '{"a":[1,{},[{"b":4},[]]]}'],
  ['a text that looks like the end', '{"s":"\\"},{","a":1}', '{"a":1}'],
  ['by an escaped name', '{"\\u0073":1,"a":2}', '{"a":2}'],
])('leaves out a member that is %s', (_name, text, expected) => {
  expect(redact(text, rule).text).toBe(expected);
  expect(redact(text, exact)).toEqual(redact(text, rule));
});

it('leaves a text without secrets as it is, also where the hint matches', () => {
  for (const text of ['{"a":1}', ' { "a" : "s" }', '{"a":"\\u0073"}', '{"text":["s"]}'])
    expect(redact(text, rule)).toEqual({ text, dropped: [] });
});

it('finds a name that hides behind escapes although the hint does not match', () => {
  const strict: RedactionRule = {
    hint: /client_secret/,
    hintsAtName: true,
    isSecret: (path) => path.at(-1) === 'client_secret',
  };
  for (const name of ['\\u0063lient_secret', 'client\\u005fsecret', 'client\\u005Fsecret', 'client_secre\\u0074'])
    expect(redact(`{"a":1,"${name}":"x"}`, strict)).toEqual({ text: '{"a":1}', dropped: ['client_secret'] });
});

it('names what it left out, sorted, each path once', () => {
  const text = '{"z":[{"s":1},{"s":2}],"s":3,"b":{"s":4},"s":5}';
  expect(redact(text, rule).dropped).toEqual(['b.s', 's', 'z.*.s']);
});

it('looks only at members that hold a hint, where secrets have it in their names', () => {
  const seen: string[] = [];
  redact('{"a":{"b":{"c":1}},"d":{"s":2,"e":{"f":3}}}', {
    ...exact,
    isSecret(path) {
      seen.push(path.join('.'));
      return false;
    },
  });
  expect(seen).toEqual(['d', 'd.s']);
});

it('shows the rule the exact text of a value', () => {
  const seen: string[] = [];
  redact('{"s": 1.10 ,"a":[{"s":"\\u0041"}]}', {
    hint: /s/,
    hintsAtName: false,
    isSecret(path, value) {
      seen.push(`${path.join('.')}=${value}`);
      return false;
    },
  });
  expect(seen).toEqual(['s=1.10', 'a=[{"s":"\\u0041"}]', 'a.*.s="\\u0041"']);
});

it.each(['', 's', '["s"]', '"s"', '{"s":1', '{"a":{"s":1}'])('refuses %j, which is no JSON object', (text) => {
  expect(() => redact(`${text}s`, rule)).toThrow(JsonTextError);
});

describe('deep nesting', () => {
  it('leaves out what lies deeper than any real record', () => {
    const { text, dropped } = redact(`{"s":1,"k":2,"a":${'{"a":'.repeat(5_000)}{"s":2}${'}'.repeat(5_000)}}`, rule);
    expect(text).not.toContain('"s"');
    expect(JSON.parse(text)).toHaveProperty('k', 2);
    expect(dropped).toContain('s');
    expect(dropped.some((path) => path.startsWith('a.a.a.'))).toBe(true);
  });

  it('does so in arrays as well', () => {
    const { text, dropped } = redact(`{"k":2,"a":${'['.repeat(20_000)}{"s":2}${']'.repeat(20_000)}}`, rule);
    expect(text).not.toContain('"s"');
    expect(JSON.parse(text)).toHaveProperty('k', 2);
    expect(dropped.some((path) => path.startsWith('a.*.*.'))).toBe(true);
  });

  it('keeps what a real record nests', () => {
    const text = `{"s":1,"a":${'[{"a":'.repeat(90)}1${'}]'.repeat(90)}}`;
    expect(redact(text, rule)).toEqual({ text: text.replace('"s":1,', ''), dropped: ['s'] });
  });
});

it.each([
  ['around secrets', rule],
  ['at their names', exact],
])('changes nothing but the secret members of any record, with a hint %s', (_, any) => {
  const { object } = written(['"s"', '"\\u0073"', '"a"', '"S"']);
  fc.assert(
    fc.property(object, (record) => {
      const { text, dropped } = redact(textOf(record), any);
      const isSecret = (path: readonly string[]) => path.at(-1) === 's';
      expect(text).toBe(textOf(record, isSecret));
      expect(JSON.parse(text)).toEqual(withoutSecrets(JSON.parse(textOf(record))));
      expect(dropped.length > 0).toBe(text !== textOf(record));
    }),
    { numRuns: 500 },
  );
});

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => name !== 's');
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutSecrets(inner)]));
}
