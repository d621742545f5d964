import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { elements, JsonTextError, members, skipSpace, skipString, skipValue } from '../../../src/json/scan.js';
import { textOf, written } from './json-text.js';

it('skips JSON white space and nothing else', () => {
  expect(skipSpace(' \t\r\nx', 0)).toBe(4);
  expect(skipSpace('x', 0)).toBe(0);
  expect(skipSpace('\u00A0x', 0)).toBe(0);
  expect(skipSpace('\uFEFFx', 0)).toBe(0);
  expect(skipSpace('  ', 0)).toBe(2);
});

it.each([['""'], ['"a"'], ['"\\""'], ['"\\\\"'], ['"\\\\\\""'], ['"a\\\\\\\\"'], ['"😀"'], ['"{[,"']])(
  'finds the end of %s',
  (text) => {
    expect(skipString(`${text}"`, 0)).toBe(text.length);
    expect(() => skipString(text.slice(0, -1), 0)).toThrow(JsonTextError);
  },
);

it('finds the end of any value', () => {
  const { value } = written(['"a"', '"\\u0061"']);
  fc.assert(
    fc.property(value, fc.constantFrom(',', ' ]', '}', '\n,'), (node, rest) => {
      const text = textOf(node);
      expect(skipValue(text + rest, 0)).toBe(text.length);
    }),
    { numRuns: 200 },
  );
});

it.each(['', ',', '}', ']', '"a', '{"a":[1]', '[[]', '{"a":"}'])('says that %j has no end', (text) => {
  expect(() => skipValue(text, 0)).toThrow(JsonTextError);
});

it('gives the borders of elements', () => {
  const text = 'x[ 1.10 ,"a,]" ,{"b":[2]},[] ]y';
  const { items, end } = elements(text, 1);
  expect(items.map((item) => text.slice(item.start, item.end))).toEqual(['1.10', '"a,]"', '{"b":[2]}', '[]']);
  expect(text.slice(end)).toBe('y');
});

it('gives the members in order, those of the same name too, with their names read', () => {
  const text = '{ "a" : 1 ,"\\u0061":[2],"b\\"":{"c":3} }';
  const { items, end } = members(text, 0);
  expect(
    items.map((item) => [item.name, text.slice(item.valueStart, item.end), text.slice(item.start, item.end)]),
  ).toEqual([
    ['a', '1', '"a" : 1'],
    ['a', '[2]', '"\\u0061":[2]'],
    ['b"', '{"c":3}', '"b\\"":{"c":3}'],
  ]);
  expect(end).toBe(text.length);
});

it.each(['1', '[', '[1', '[1,', '[1 2]', '{}'])('refuses %s as an array', (text) => {
  expect(() => elements(text, 0)).toThrow(JsonTextError);
});

it.each(['1', '{', '{"a"', '{"a" 1}', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{a:1}', '{"\\q":1}', '[]'])(
  'refuses %s as an object',
  (text) => {
    expect(() => members(text, 0)).toThrow(JsonTextError);
  },
);
