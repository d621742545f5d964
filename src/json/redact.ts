import { mayHoldSecrets } from '../secrets/hint.js';
import { isMasked, isSecretName, isSecretParameter, squash } from '../secrets/names.js';
import { secretsByName } from '../secrets/pairs.js';
import { secretsByShape } from '../secrets/shapes.js';
import { entitiesDecoded, percentDecoded, type Span, unescaped } from '../secrets/view.js';
import { elements, type Member, members, skipSpace } from './scan.js';

/** What is particular to a resource's records, beside what is a secret in any text. */
export interface RedactionRule {
  /**
   * Whether the member at this path (array positions are `*`) is to be left out, whatever its name says, or kept and
   * only looked into; undefined: its name and its value decide.
   */
  judge?(path: readonly string[]): 'secret' | 'public' | undefined;
}

export interface Redacted {
  text: string;
  /** Paths of what was left out, or of texts in which something was, e.g. `identities.*.access_token`; sorted, each once. */
  dropped: string[];
}

/** Stands for a secret that was cut out of a text. The same at any depth of texts within texts: it needs no escapes. */
const MASK = '***';

/** Deeper than any real record; what lies below is left out rather than searched without an end. */
const MAX_DEPTH = 200;
/** Texts within texts: JSON in JSON in a parameter of a URL. */
const MAX_NESTING = 6;

interface Cut extends Span {
  with: '' | typeof MASK;
}

/**
 * Leaves the secrets out of one record's JSON text: members by their names, and pieces of texts by the names before
 * them or by their own form. All other bytes stay: numbers keep their exact text. Throws JsonTextError when the text is
 * no JSON object.
 */
export function redact(text: string, rule: RedactionRule): Redacted {
  if (!mayHoldSecrets(text)) return { text, dropped: [] };
  const { cuts, dropped } = searchJson(text, rule, 0);
  return cuts.length === 0 ? { text, dropped: [] } : { text: apply(text, cuts), dropped: [...dropped].sort() };
}

/** A text of any kind (a message, a URL, JSON) with its secrets replaced by `***`, and with these values of our own. */
export function withoutSecrets(text: string, own: readonly string[] = []): string {
  const cuts = [...searchText(text, 0), ...ownSecrets(text, own, 0)];
  return cuts.length === 0 ? text : apply(text, cuts);
}

/** Shorter ones would be found everywhere. */
const SHORTEST_SECRET = 4;

/** Secrets that are known, in whatever escapes they come back. */
function ownSecrets(text: string, own: readonly string[], nesting: number): Cut[] {
  const cuts: Cut[] = [];
  for (const secret of own) {
    if (secret.length < SHORTEST_SECRET) continue;
    const inForm = new URLSearchParams({ '': secret }).toString().slice(1);
    for (const form of new Set([secret, encodeURIComponent(secret), inForm]))
      for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + form.length))
        cuts.push({ start: at, end: at + form.length, with: MASK });
  }
  if (nesting >= MAX_NESTING || own.length === 0) return cuts;
  for (const decode of [percentDecoded, entitiesDecoded, unescaped]) {
    const view = decode(text);
    if (view)
      cuts.push(...ownSecrets(view.text, own, nesting + 1).map((cut) => ({ ...view.toSource(cut), with: cut.with })));
  }
  return cuts;
}

/** Finds what to cut in the JSON object or array that a text is. */
function searchJson(text: string, rule: RedactionRule, nesting: number): { cuts: Cut[]; dropped: Set<string> } {
  const cuts: Cut[] = [];
  const dropped = new Set<string>();
  const drop = (path: readonly string[]): void => {
    dropped.add(path.slice(0, MAX_DEPTH).map(shownName).join('.'));
  };

  const visitObject = (at: number, path: readonly string[], isNear: boolean): void => {
    const all = members(text, at).items;
    const isBeside = secretBeside(text, all, path);
    const kept = all.map((member) => {
      const whole = text.slice(member.start, member.end);
      // What stands in something with the name of a secret is looked at, whatever its own name is.
      if (!isNear && !isBeside(member) && !mayHoldSecrets(whole)) return true;
      const memberPath = [...path, member.name];
      const value = text.slice(member.valueStart, member.end);
      const isSecret =
        memberPath.length > MAX_DEPTH || (isBeside(member) && !isHarmless(value)) || judge(memberPath, value);
      if (isSecret) drop(memberPath);
      else visit(member.valueStart, member.end, memberPath, isNear || mayHoldSecrets(`"${member.name}":0`));
      return !isSecret;
    });
    cutMembers(all, kept, cuts);
  };
  const judge = (path: readonly string[], value: string): boolean => {
    const own = rule.judge?.(path);
    return own === undefined ? isSecretMember(path, value) : own === 'secret' && !isHarmless(value);
  };
  const visit = (at: number, end: number, path: readonly string[], isNear: boolean): void => {
    const first = text[at];
    if (first === '{') visitObject(at, path, isNear);
    else if (first === '[') visitArray(at, [...path, '*'], isNear);
    else if (first === '"') {
      const found = searchString(text, { start: at + 1, end: end - 1 }, nesting);
      cuts.push(...found);
      if (found.length > 0) drop(path);
    }
  };
  const visitArray = (at: number, path: readonly string[], isNear: boolean): void => {
    const { items } = elements(text, at);
    const [head] = items;
    if (path.length <= MAX_DEPTH) for (const { start, end } of items) visit(start, end, path, isNear);
    else if (head) {
      cuts.push({ start: head.start, end: items.at(-1)?.end ?? head.end, with: '' });
      drop(path);
    }
  };

  const at = skipSpace(text, 0);
  if (nesting > 0 && text[at] === '[') visitArray(at, ['*'], false);
  else visitObject(at, [], false);
  return { cuts, dropped };
}

/** A comma goes with each cut: the one after the member, or behind the last kept one the one before it. */
function cutMembers(all: readonly Member[], kept: readonly boolean[], cuts: Cut[]): void {
  const lastKept = kept.lastIndexOf(true);
  all.forEach((member, i) => {
    if (kept[i]) return;
    const next = i < lastKept ? all[i + 1] : undefined;
    if (next) cuts.push({ start: member.start, end: next.start, with: '' });
    else cuts.push({ start: all[i - 1]?.end ?? member.start, end: member.end, with: '' });
  });
}

/** Names of objects that hold the parameters of a URL or a form: `details.qs`, `details.request.query`. */
const PARAMETERS = /^(?:q|qs|query|query_?string|params?|parameters|fragment|form)$/i;
/** Of these an object is a configuration or a description, and its members are judged by themselves. */
const OF_TEXTS = /(?:token|credential|authorization|cookie|assertion|otp|bearer|header|code|ticket)s?$/;

/** By its own name. Numbers count as secrets where they may be chosen ones: a password, and no count of tokens. */
function isSecretMember(path: readonly string[], value: string): boolean {
  const name = path.at(-1) ?? '';
  if (isHarmless(value)) return false;
  const isParameter =
    PARAMETERS.test(path.at(-2) ?? '') && value.startsWith('"') && isSecretParameter(name, value.slice(1, -1));
  if (!isParameter && !isSecretName(name)) return false;
  const first = value[0];
  if (first === '"' || !OF_TEXTS.test(squash(name))) return true;
  // A list of texts holds secrets; one of objects, as an object does, tells about them.
  return first === '[' && /^\[\s*"/.test(value);
}

/** Whether a JSON value is none, or was masked by the tenant itself. */
function isHarmless(value: string): boolean {
  return isMasked(value.startsWith('"') ? value.slice(1, -1) : value) || /^(?:\{\s*\}|\[\s*\])$/.test(value);
}

/**
 * Members that are secrets for what stands beside or around them: the value of a pair such as `{"name": "api_key",
 * "value": "..."}`, of a header or of an entry of `secrets`, and the private half of a JSON Web Key.
 */
function secretBeside(text: string, all: readonly Member[], path: readonly string[]): (member: Member) => boolean {
  const names = new Set(all.map(({ name }) => name));
  if (names.has('kty')) return ({ name }) => /^(?:d|p|q|dp|dq|qi|k|oth)$/.test(name);
  if (!names.has('value')) return () => false;
  const isSecretList = path.some((name) => /secrets$|custom_?headers$/i.test(name) && !/accessed/i.test(name));
  const isSecretPair = all.some(({ name, valueStart, end }) => {
    if (!/^(?:name|key|header|field|id|label)$/i.test(name) || text[valueStart] !== '"') return false;
    return isSecretName(text.slice(valueStart + 1, end - 1));
  });
  return isSecretList || isSecretPair ? ({ name }) => name === 'value' : () => false;
}

/** What to cut of the string whose content is this piece of JSON text, by its places there. */
function searchString(text: string, inside: Span, nesting: number): Cut[] {
  const content = text.slice(inside.start, inside.end);
  if (content.length < 8 || !(mayHoldSecrets(content) || content.includes('\\') || content.includes('%'))) return [];
  const view = unescaped(content);
  const found = searchText(view?.text ?? content, nesting);
  return found.map((cut) => {
    const { start, end } = view?.toSource(cut) ?? cut;
    return { start: inside.start + start, end: inside.start + end, with: cut.with };
  });
}

/** What to cut of a text: in its structure where it is JSON, else by names and forms, behind escapes too. */
function searchText(text: string, nesting: number): Cut[] {
  if (nesting >= MAX_NESTING) return [];
  const inJson = searchJsonText(text, nesting);
  if (inJson !== undefined) return inJson;
  const cuts: Cut[] = [...secretsByName(text), ...secretsByShape(text)].map((span) => ({ ...span, with: MASK }));
  for (const decode of [percentDecoded, entitiesDecoded, unescaped]) {
    const view = decode(text);
    if (view)
      cuts.push(...searchText(view.text, nesting + 1).map((cut) => ({ ...view.toSource(cut), with: cut.with })));
  }
  return joined(cuts);
}

function searchJsonText(text: string, nesting: number): Cut[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return searchJson(text, {}, nesting + 1).cuts;
}

/** Overlapping cuts as one, in order. */
function joined(cuts: readonly Cut[]): Cut[] {
  const out: Cut[] = [];
  for (const cut of cuts.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = out.at(-1);
    if (last && cut.start < last.end) last.end = Math.max(last.end, cut.end);
    else out.push({ ...cut });
  }
  return out;
}

function apply(text: string, cuts: readonly Cut[]): string {
  let out = '';
  let from = 0;
  for (const cut of joined(cuts)) {
    out += text.slice(from, cut.start) + cut.with;
    from = cut.end;
  }
  return out + text.slice(from);
}

/** A name as it is shown in a path: some keep tokens as names. */
function shownName(name: string): string {
  return name.length > 20 && secretsByShape(name).length > 0 ? MASK : name;
}
