import { isMasked, isParameterName, isSecretName, isSecretParameter } from './names.js';
import type { Span } from './view.js';

/** A name, an end of quotes, and what stands between a name and its value: `a=`, `a: `, `"a":`, `'a' => `. */
const NAME = /(?<![\w$.-])([A-Za-z_$][\w$.-]{0,80})(?:\[\w{0,20}\])?(["'`]?)[ \t]{0,3}(=>|:=|[=:])\s{0,3}(["'`]?)/g;
/** `--client-secret abc`. */
const FLAG = /(?<!\S)--([a-z][\w-]{1,60})[ \t]+(?=[^\s-])/g;
/** `<client_secret>abc</client_secret>` */
const ELEMENT = /<(?:\w+:)?([\w.-]{1,60})>([^<]+)<\//g;

/** Up to a space, a quote, the next parameter, or the punctuation of the sentence around it. */
const BARE = /(?:(?![,;)\]}.]+(?:\s|$|["'`]|[\w.-]+\s?[=:]))[^\s&"'`<>])+/y;
const WITH_SCHEME = /(?:[A-Za-z][\w-]*[ \t]+)?/y;

/** Values of a text that stand behind the name of a secret: of parameters, headers, assignments. */
export function secretsByName(text: string): Span[] {
  const spans: Span[] = [];
  const take = (start: number, end: number): void => {
    if (end > start && !isMasked(text.slice(start, end))) spans.push({ start, end });
  };
  let taken = 0;
  for (const match of text.matchAll(NAME)) {
    const [whole, name = '', closing = '', separator = '', quote = ''] = match;
    const start = match.index + whole.length;
    // Within a value that is cut out already.
    if (start <= taken) continue;
    const isSecret = isSecretName(name);
    if (!isSecret && (quote !== '' || !isParameterName(name))) continue;
    const end = quote === '' ? endOfBare(text, start, name) : endOfQuoted(text, start, quote);
    const value = text.slice(start, end);
    const isAssigned = separator !== ':' || closing !== '' || quote !== '';
    if (isAssigned ? !isSecret && !isSecretParameter(name, value) : !isSecret || isProse(value)) continue;
    take(start, end);
    taken = end;
  }
  for (const { index, 0: whole, 1: name = '' } of text.matchAll(FLAG)) {
    const start = index + whole.length;
    if (isSecretName(name)) take(start, matchEnd(BARE, text, start));
  }
  for (const { index, 0: whole, 1: name = '', 2: value = '' } of text.matchAll(ELEMENT)) {
    const start = index + whole.length - 2 - value.length;
    if (isSecretName(name)) take(start, start + value.length);
  }
  return spans;
}

/** Behind a colon often a sentence goes on: `Invalid token: jwt expired`, `Missing client_secret: must be given`. */
function isProse(value: string): boolean {
  return /^[A-Za-z]?[a-z]*(?:[_-][a-z]+)*$/.test(value) && value.length < 20;
}

function endOfQuoted(text: string, start: number, quote: string): number {
  let at = start;
  for (;;) {
    at = text.indexOf(quote, at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at;
    at++;
  }
}

/** In headers a scheme goes before the credentials, and cookies go on to the end of their line. */
function endOfBare(text: string, start: number, name: string): number {
  if (!/(?:authorization|cookie)$/i.test(name)) return matchEnd(BARE, text, start);
  if (/cookie$/i.test(name)) {
    const end = text.slice(start).search(/["'`\r\n<>]/);
    return end < 0 ? text.length : start + end;
  }
  return matchEnd(BARE, text, matchEnd(WITH_SCHEME, text, start));
}

function matchEnd(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : start;
}
