/** What people would see of a text in a platform's markup: read by a parser of that markup, never by our own escapes. */
import MarkdownIt, { type Token } from 'markdown-it';
import type { Seen } from './describe-channel.js';

const parser = new MarkdownIt({ html: true });
const lookalikes: Readonly<Record<string, string>> = {
  '\u200B': '',
  '\u2217': '*',
  '\u02CB': '`',
  '\u223C': '~',
  '\u02CD': '_',
  '\uFF3B': '[',
  '\uFF3D': ']',
};

/** What people take a text for. */
function readable(text: string): string {
  return text.replace(/[\u200B\u2217\u02CB\u223C\u02CD\uFF3B\uFF3D]/g, (character) => lookalikes[character]!);
}

/** DingTalk, WeCom and Lark, on the safe side: everything that any Markdown knows counts, HTML as well. */
export function seeMarkdown(markup: string, mention = MENTION): Seen {
  const seen = { text: '', links: [] as string[], marks: {} as Record<string, number> };
  const walk = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      const href = token.attrGet('href') ?? token.attrGet('src');
      if (href !== null) seen.links.push(String(href));
      const isMark =
        token.nesting !== -1 && !['text', 'inline', 'paragraph_open', 'softbreak', 'hardbreak'].includes(token.type);
      if (isMark) seen.marks[token.type] = (seen.marks[token.type] ?? 0) + 1;
      if (token.children && token.type !== 'image') walk(token.children);
      else if (token.nesting === 0 && !token.type.startsWith('html')) {
        seen.text += ['softbreak', 'hardbreak'].includes(token.type) ? '\n' : token.content;
      }
      if (token.block && token.nesting === -1) seen.text += '\n';
    }
  };
  walk(parser.parse(markup, {}));
  return { ...seen, text: readable(seen.text), mentions: markup.match(mention) ?? [] };
}

/** Mentions and tags as DingTalk, WeCom and Lark write them. */
const MENTION = /<@[^>\s]*>|<\/?at\b[^>]*>|@(all|所有人|everyone|here|channel)/gi;

/** Plain text: only mentions could be carried out. */
export function seePlain(text: string): Seen {
  return { text: readable(text), links: [], mentions: text.match(MENTION) ?? [], marks: {} };
}

/** Plain text whose links stand at the end of lines, as `label: address`. */
export function seeLines(text: string): Seen {
  return { ...seePlain(text), links: [...text.matchAll(/: (https?:\S+|mailto:\S+)$/gm)].map(([, href]) => href!) };
}

/** Slack's mrkdwn. */
export function seeSlack(mrkdwn: string): Seen {
  const links: string[] = [];
  const mentions: string[] = [];
  const shown = mrkdwn.replace(/<([^<>]*)>/g, (_, inner: string) => {
    if (/^[@#!]/.test(inner)) {
      mentions.push(inner);
      return inner;
    }
    const [href = '', label] = inner.split('|');
    links.push(href);
    return label ?? href;
  });
  const marks: Record<string, number> = {};
  for (const [, , mark] of shown.matchAll(/(^|[^\p{L}\p{N}])(`{1,3}|[*_~])(?=\S).*?\S\2(?![\p{L}\p{N}])/gmsu)) {
    marks[mark!] = (marks[mark!] ?? 0) + 1;
  }
  for (const _ of shown.matchAll(/^[ \t]*(&gt;|>)/gm)) marks['quote'] = (marks['quote'] ?? 0) + 1;
  const text = shown.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  return { text: readable(text), links, mentions, marks };
}

/** A page of HTML: tags by name, what stands between them, and where it leads. */
export function seeHtml(html: string): Seen {
  const marks: Record<string, number> = {};
  const links: string[] = [];
  const body = html.replace(/^.*<body[^>]*>/s, '');
  const text = body.replace(
    /<\/?([a-z0-9]+)((?:\s+[a-z-]+="[^"]*")*)\s*\/?>/gi,
    (tag, name: string, attributes: string) => {
      if (!tag.startsWith('</')) marks[name] = (marks[name] ?? 0) + 1;
      const href = /\s(?:href|src)="([^"]*)"/.exec(attributes)?.[1];
      if (href !== undefined) links.push(decoded(href));
      for (const [, attribute] of attributes.matchAll(/\s([a-z-]+)=/g))
        marks[`@${attribute}`] = (marks[`@${attribute}`] ?? 0) + 1;
      return /^(p|br|h\d|div|blockquote|pre)$/i.test(name) ? '\n' : '';
    },
  );
  // Whatever still looks like a tag was not written by us.
  for (const [tag] of text.matchAll(/<[^\s<]?/g)) marks[tag] = (marks[tag] ?? 0) + 1;
  return { text: decoded(text), links, mentions: [], marks };
}

function decoded(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

export function together(...parts: readonly Seen[]): Seen {
  const marks: Record<string, number> = {};
  for (const part of parts) {
    for (const [mark, count] of Object.entries(part.marks)) marks[mark] = (marks[mark] ?? 0) + count;
  }
  return {
    text: parts.map(({ text }) => text).join('\n'),
    links: parts.flatMap(({ links }) => links),
    mentions: parts.flatMap(({ mentions }) => mentions),
    marks,
  };
}

export function seeLinks(links: readonly string[]): Seen {
  return { text: '', links, mentions: [], marks: {} };
}
