import * as fc from 'fast-check';

/** A JSON value as somebody wrote it: spaces, escapes and number forms included. */
export type Written =
  | { kind: 'scalar'; text: string }
  | { kind: 'array'; before: string; items: { value: Written; after: string }[] }
  | { kind: 'object'; before: string; members: WrittenMember[] };

interface WrittenMember {
  name: string;
  /** The name with its quotes, as it is written. */
  quoted: string;
  colon: string;
  value: Written;
  /** Space behind the value, and behind the comma where one follows. */
  after: string;
  gap: string;
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n\t', '  ');
const scalar = fc
  .oneof(
    fc.constantFrom('null', 'true', 'false', '0', '-0', '1.10', '1e5', '-12.5E-3', '123456789012345678901234'),
    fc.constantFrom('""', '"\\", "', '"\\\\"', '"a\\/b"', '"\\u00e9\\ud83d\\ude00"', '"😀 {[,]}: é"', '"\\\\\\""'),
    fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
    fc.integer().map(String),
  )
  .map((text): Written => ({ kind: 'scalar', text }));

/** Any JSON value whose object members are named by one of `names`, given with their quotes. */
export function written(names: readonly string[]): { value: fc.Arbitrary<Written>; object: fc.Arbitrary<Written> } {
  const name = fc.oneof(
    fc.constantFrom(...names),
    fc.string({ maxLength: 4 }).map((text) => JSON.stringify(text)),
  );
  const { value, object } = fc.letrec<{ value: Written; object: Written; array: Written }>((tie) => ({
    value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('object'), tie('array')),
    array: fc
      .tuple(space, fc.array(fc.record({ value: tie('value'), after: space }), { maxLength: 4 }))
      .map(([before, items]): Written => ({ kind: 'array', before, items })),
    object: fc
      .tuple(
        space,
        fc.array(fc.record({ quoted: name, colon: space, value: tie('value'), after: space, gap: space }), {
          maxLength: 5,
        }),
      )
      .map(([before, members]): Written => ({
        kind: 'object',
        before,
        members: members.map((member) => ({ ...member, name: String(JSON.parse(member.quoted)) })),
      })),
  }));
  return { value, object };
}

/** The text of a value; without the members for which `leaveOut` says so, and with everything else as it was. */
export function textOf(
  value: Written,
  leaveOut: (path: readonly string[], text: string) => boolean = () => false,
  path: readonly string[] = [],
): string {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'array') {
    const items = value.items.map((item) => textOf(item.value, leaveOut, [...path, '*']) + item.after);
    return `[${value.before}${items.join(',')}]`;
  }
  const kept = value.members.filter((member) => !leaveOut([...path, member.name], textOf(member.value)));
  const inner = kept.map((member, i) => {
    const text = `${member.quoted}${member.colon}:${textOf(member.value, leaveOut, [...path, member.name])}`;
    return i < kept.length - 1 ? `${text}${member.after},${member.gap}` : text;
  });
  return `{${value.before}${inner.join('')}${value.members.at(-1)?.after ?? ''}}`;
}
