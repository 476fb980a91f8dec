/** Slack's mrkdwn: `*bold*`, `_italic_`, `<https://…|text>`, `<!here>`; `&`, `<` and `>` come escaped. */
import { entityRule, type Rule, scan } from './scan.js';
import type { Block, Inline } from './tree.js';

export function parseMrkdwn(source: string): Block[] {
  return source
    .split(/```\n?([\s\S]*?)\n?```/)
    .flatMap((part, index): Block[] => (index % 2 === 1 ? [{ kind: 'code', text: plain(part) }] : parseLines(part)));
}

function parseLines(source: string): Block[] {
  const blocks: Block[] = [];
  const lines = source.replace(/^\n|\n$/g, '').split('\n');
  for (let at = 0; at < lines.length; ) {
    const isQuote = /^(?:>|&gt;) ?/.test(lines[at]!);
    let end = at;
    while (end < lines.length && /^(?:>|&gt;) ?/.test(lines[end]!) === isQuote) end += 1;
    const content = lines
      .slice(at, end)
      .map((line) => (isQuote ? line.replace(/^(?:>|&gt;) ?/, '') : line))
      .join('\n');
    const paragraph: Block = { kind: 'paragraph', children: scan(content, rules) };
    if (content.trim() !== '') blocks.push(isQuote ? { kind: 'quote', children: [paragraph] } : paragraph);
    at = end;
  }
  return blocks;
}

/** Code shows its escapes as the characters they stand for. */
function plain(source: string): string {
  return scan(source, [entityRule])
    .map((inline) => (inline.kind === 'text' ? inline.text : ''))
    .join('');
}

const pair = (mark: string, kind: 'strong' | 'em' | 'del'): Rule => ({
  pattern: new RegExp(
    `(?<![\\p{L}\\p{N}])[${mark}](?=[^\\s${mark}])([^${mark}\\n]*[^\\s${mark}])[${mark}](?![\\p{L}\\p{N}])`,
    'yu',
  ),
  read: ([, content], inner) => ({ kind, children: inner(content!) }),
});

const rules: readonly Rule[] = [
  { pattern: /\n/y, read: () => ({ kind: 'break' }) },
  { pattern: /`([^`\n]+)`/y, read: ([, code]) => ({ kind: 'code', text: plain(code!) }) },
  { pattern: /<([^<>\n]+)>/y, read: ([, inside]) => reference(inside!) },
  pair('*', 'strong'),
  pair('_', 'em'),
  pair('~', 'del'),
  entityRule,
];

function reference(inside: string): Inline {
  const bar = inside.indexOf('|');
  const target = bar === -1 ? inside : inside.slice(0, bar);
  const label = bar === -1 ? undefined : plain(inside.slice(bar + 1));
  if (/^[@#!]/.test(target)) return { kind: 'mention', text: label ?? target.replace(/^!(?:subteam\^)?/, '@') };
  const href = plain(target);
  return { kind: 'link', href, children: [{ kind: 'text', text: label ?? href }] };
}
