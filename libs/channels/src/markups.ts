/** Markdown as the chat platforms write it, and how hostile text stays text there. */
import type { Markup } from './markdown.js';

const ZERO_WIDTH = '\u200B';

/**
 * Where a platform has no escape, what pairs up is written as the character that looks like it: a zero-width space beside it
 * keeps no parser from pairing (to CommonMark it is neither space nor punctuation, to a regular expression not a space).
 */
const lookalikes: Readonly<Record<string, string>> = { '*': '\u2217', '`': '\u02CB', '~': '\u223C', _: '\u02CD' };
/** What can open or close emphasis or code; not within a word (`a_b`), not between spaces (`* * 1`). */
const PAIRS = /`|(?<!\s)\*|\*(?!\s)|~~+|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g;

function unpaired(text: string): string {
  return text.replace(PAIRS, (found) => found.replace(/./g, (mark) => lookalikes[mark]!));
}

/** A mention begins with `@` where no word ends: `ops@example.com` stays what it is. */
const MENTION = /(?<![A-Za-z0-9])@/g;

/** What opens a link, a tag, an entity, an escape or a mention in the middle of a line. */
const OPENS = /[\\[\]<]|!$|(?<![A-Za-z0-9])@|&(?=#?[A-Za-z0-9]+;)/g;
/** What makes a line a heading, a quote, an item, a fence, a table or a rule. */
const LINE_OPENS = /^(?=[ \t]*(?:[-+=#>|~*]|\d+[.)]))/gm;

/** DingTalk and WeCom have no escape: pairs are replaced, all else that opens something is broken by a zero-width space. */
export function breakMarkup(text: string): string {
  return unpaired(text)
    .replace(OPENS, (found) => found + ZERO_WIDTH)
    .replace(LINE_OPENS, ZERO_WIDTH);
}

/** Inside the brackets of a link others end it early. */
function linkText(inner: string): string {
  return inner.replace(/[[\]]\u200B?/g, (bracket) => (bracket.startsWith('[') ? '\uFF3B' : '\uFF3D'));
}

/** For messages of plain text, where only mentions are read. */
export function breakMentions(text: string): string {
  return text.replace(MENTION, (found) => found + ZERO_WIDTH).replace(/<(?=@|\/?at)/gi, (found) => found + ZERO_WIDTH);
}

/** For the brackets of a Markdown link. */
export function hrefInBrackets(href: string): string {
  return href
    .replace(/[()]/g, (bracket) => (bracket === '(' ? '%28' : '%29'))
    .replace(/[\s<>\\]/g, (found) => encodeURIComponent(found));
}

const quoted = (inner: string) => inner.replace(/^/gm, '> ');
const item = (inner: string, marker: string, depth: number) => `${'  '.repeat(depth)}${marker} ${inner}`;

/** https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages: headings, quotes, bold, italic, links, lists. */
export const dingtalkMarkup: Markup = {
  text: breakMarkup,
  strong: (inner) => `**${inner}**`,
  emphasis: (inner) => `*${inner}*`,
  code: breakMarkup,
  codeBlock: (code) => quoted(breakMarkup(code)),
  link: (inner, href) => `[${linkText(inner)}](${hrefInBrackets(href)})`,
  heading: (inner) => `#### ${inner}`,
  quote: quoted,
  item,
  break: '  \n',
  paragraphs: '\n\n',
};

/** https://developer.work.weixin.qq.com/document/path/91770: headings, bold, links, one-line code, quotes. No italics, no lists. */
export const wecomMarkup: Markup = {
  ...dingtalkMarkup,
  emphasis: (inner) => inner,
  code: (code) => (/[`\n<]/.test(code) ? breakMarkup(code) : `\`${code}\``),
  item: (inner, marker, depth) => `${'  '.repeat(depth)}${marker === '-' ? '•' : marker} ${inner}`,
  break: '\n',
};

/** Lark's own table: what hits its syntax is written as HTML entities. https://open.feishu.cn/document/common-capabilities/message-card/message-cards-content/using-markdown-tags */
const larkEntities: Record<string, string> = { '~': '&sim;' };

export function escapeLark(text: string): string {
  return text.replace(
    /[&<>~!*/\\[\]()#:+"'`$_-]/g,
    (character) => larkEntities[character] ?? `&#${character.charCodeAt(0)};`,
  );
}

/** Of a card 2.0. */
export const larkMarkup: Markup = {
  text: escapeLark,
  strong: (inner) => `**${inner}**`,
  emphasis: (inner) => `*${inner}*`,
  code: escapeLark,
  codeBlock: (code) => quoted(escapeLark(code)),
  link: (inner, href) => `[${inner}](${hrefInBrackets(href)})`,
  heading: (inner) => `**${inner}**`,
  quote: quoted,
  item: (inner, marker, depth) => `${'    '.repeat(depth)}${marker} ${inner}`,
  break: '\n',
  paragraphs: '\n\n',
};

/** Every active form of Slack begins with `<`: these three stop them all. https://docs.slack.dev/messaging/formatting-message-text */
export function escapeSlack(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Emphasis and code have no escape: what could pair up is replaced, a quote at the start of a line broken. */
export function breakSlack(text: string): string {
  return escapeSlack(unpaired(text).replace(/~/g, lookalikes['~']!)).replace(/^(?=[ \t]*&gt;)/gm, ZERO_WIDTH);
}

export const slackMarkup: Markup = {
  text: breakSlack,
  strong: (inner) => `*${inner}*`,
  emphasis: (inner) => `_${inner}_`,
  code: (code) => `\`${escapeSlack(code.replaceAll('`', "'"))}\``,
  codeBlock: (code) => `\`\`\`\n${escapeSlack(code.replaceAll('```', "'''"))}\n\`\`\``,
  link: (inner, href) => `<${href.replace(/[|<>\s]/g, encodeURIComponent)}|${inner.replaceAll('|', '¦')}>`,
  heading: (inner) => `*${inner}*`,
  quote: quoted,
  item: (inner, marker, depth) => `${'    '.repeat(depth)}${marker === '-' ? '•' : marker} ${inner}`,
  break: '\n',
  paragraphs: '\n\n',
};
