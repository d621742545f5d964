import { elements, members, type Span } from './scan.js';

/** What must never be stored of a resource's records. */
export interface RedactionRule {
  /**
   * Cheap test on the text: where it does not match, nothing can be secret and the text stays as it is. It must
   * match every name that `isSecret` knows, with the quote behind it: a word within a text is no name. Names written
   * with `\u` escapes are found without it.
   */
  hint: RegExp;
  /** The hint is in the secret's own name, not only in one around it: then a member in which it is not found is not looked at. */
  hintsAtName: boolean;
  /** Whether the member at this path (array positions are `*`) with this JSON text is to be left out. */
  isSecret(path: readonly string[], value: string): boolean;
}

export interface Redacted {
  text: string;
  /** Paths that were left out, e.g. `identities.*.access_token`; sorted, each once. */
  dropped: string[];
}

/** Deeper than any real record; what lies below is left out rather than searched without an end. */
const MAX_DEPTH = 200;

/**
 * Leaves the secret members out of one record's JSON text. All other bytes stay: numbers keep their exact text.
 * Throws JsonTextError when the text is no JSON object.
 */
export function redact(text: string, rule: RedactionRule): Redacted {
  if (!mayHoldSecrets(text, rule)) return { text, dropped: [] };
  const cuts: Span[] = [];
  const dropped = new Set<string>();

  const visitObject = (at: number, path: readonly string[]): void => {
    const all = members(text, at).items;
    const kept = all.map((member) => {
      if (rule.hintsAtName && !mayHoldSecrets(text.slice(member.start, member.end), rule)) return true;
      const memberPath = [...path, member.name];
      const value = text.slice(member.valueStart, member.end);
      const secret = memberPath.length > MAX_DEPTH || rule.isSecret(memberPath, value);
      if (secret) dropped.add(memberPath.slice(0, MAX_DEPTH).join('.'));
      else visit(member.valueStart, memberPath);
      return !secret;
    });
    const lastKept = kept.lastIndexOf(true);
    all.forEach((member, i) => {
      if (kept[i]) return;
      // A comma goes with each cut: the one after the member, or behind the last kept one the one before it.
      const next = i < lastKept ? all[i + 1] : undefined;
      if (next) cuts.push({ start: member.start, end: next.start });
      else cuts.push({ start: all[i - 1]?.end ?? member.start, end: member.end });
    });
  };
  const visit = (at: number, path: readonly string[]): void => {
    const first = text[at];
    if (first === '{') visitObject(at, path);
    else if (first === '[') visitArray(at, [...path, '*']);
  };
  const visitArray = (at: number, path: readonly string[]): void => {
    const { items } = elements(text, at);
    const [head] = items;
    if (path.length <= MAX_DEPTH) for (const element of items) visit(element.start, path);
    else if (head) {
      cuts.push({ start: head.start, end: items.at(-1)?.end ?? head.end });
      dropped.add(path.slice(0, MAX_DEPTH).join('.'));
    }
  };

  visitObject(firstObject(text), []);
  if (cuts.length === 0) return { text, dropped: [] };
  cuts.sort((a, b) => a.start - b.start);
  let out = '';
  let from = 0;
  for (const cut of cuts) {
    out += text.slice(from, cut.start);
    from = cut.end;
  }
  return { text: out + text.slice(from), dropped: [...dropped].sort() };
}

/** Whether a text has to be searched: something in it has the name of a secret, or hides its name behind escapes. */
function mayHoldSecrets(text: string, { hint }: RedactionRule): boolean {
  return hint.test(text) || text.includes('\\u00');
}

function firstObject(text: string): number {
  const at = text.search(/\S/);
  return at < 0 ? 0 : at;
}
