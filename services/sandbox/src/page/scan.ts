/** Reads inline markup by rules; the first that matches at a place wins, and what no rule knows is text. */
import { type Inline, joined, text } from './tree.js';

export interface Rule {
  /** Sticky. */
  readonly pattern: RegExp;
  read(match: RegExpExecArray, inner: (source: string) => readonly Inline[]): Inline | readonly Inline[] | undefined;
}

const MAX_DEPTH = 8;

export function scan(source: string, rules: readonly Rule[], depth = 0): Inline[] {
  const found: Inline[] = [];
  const inner = (part: string) => (depth < MAX_DEPTH ? scan(part, rules, depth + 1) : [text(part)]);
  for (let at = 0; at < source.length; ) {
    const [inline, length] = readAt(source, at, rules, inner);
    found.push(...inline);
    at += length;
  }
  return joined(found);
}

function readAt(
  source: string,
  at: number,
  rules: readonly Rule[],
  inner: (part: string) => readonly Inline[],
): [readonly Inline[], number] {
  for (const { pattern, read } of rules) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    const result = match ? read(match, inner) : undefined;
    if (match && result) return ['kind' in result ? [result] : result, match[0].length];
  }
  const character = String.fromCodePoint(source.codePointAt(at)!);
  return [[text(character)], character.length];
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0', sim: '∼' };

/** `&#42;`, `&lt;` and the like, as text that is not read again. */
export const entityRule: Rule = {
  pattern: /&(?:#(\d{1,7})|([a-z]{2,5}));/y,
  read: ([whole, number, name]) => {
    if (number !== undefined) return text(Number(number) <= 0x10ffff ? String.fromCodePoint(Number(number)) : whole);
    return name !== undefined && Object.hasOwn(named, name) ? text(named[name]!) : undefined;
  },
};
