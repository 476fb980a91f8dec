/** Markdown as the chat platforms write it, and how hostile text stays text there. */
import type { Markup } from './markdown.js';

const ZERO_WIDTH = '\u200B';

/** DingTalk and WeCom have no escape: a zero-width space after what would begin markup, a mention or a tag breaks it. */
export function breakMarkup(text: string): string {
  return text.replace(/[\\`*_[\]()#>!<~@|]|^(?=[-+] |\d+\. )/gm, (found) => found + ZERO_WIDTH);
}

const hrefOf = (href: string) => href.replace(/[()]/g, (bracket) => (bracket === '(' ? '%28' : '%29')).replace(/[\s<>]/g, encodeURIComponent);
const quoted = (inner: string) => inner.replace(/^/gm, '> ');
const item = (inner: string, marker: string, depth: number) => `${'  '.repeat(depth)}${marker} ${inner}`;

/** https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages: headings, quotes, bold, italic, links, lists. */
export const dingtalkMarkup: Markup = {
  text: breakMarkup,
  strong: (inner) => `**${inner}**`,
  emphasis: (inner) => `*${inner}*`,
  code: breakMarkup,
  codeBlock: (code) => quoted(breakMarkup(code)),
  link: (inner, href) => `[${inner}](${hrefOf(href)})`,
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
  return text.replace(/[&<>~!*/\\[\]()#:+"'`$_-]/g, (character) => larkEntities[character] ?? `&#${character.charCodeAt(0)};`);
}

export const larkMarkup: Markup = {
  text: escapeLark,
  strong: (inner) => `**${inner}**`,
  emphasis: (inner) => `*${inner}*`,
  code: escapeLark,
  codeBlock: escapeLark,
  link: (inner, href) => `[${inner}](${hrefOf(href)})`,
  heading: (inner) => `**${inner}**`,
  quote: (inner) => inner,
  item,
  break: '\n',
  paragraphs: '\n\n',
};

/** Every active form of Slack begins with `<`: these three stop them all. https://docs.slack.dev/messaging/formatting-message-text */
export function escapeSlack(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** `*`, `_`, `~` and backticks have no escape: broken where they could pair up. */
const slackText = (text: string) => escapeSlack(text).replace(/[*_~`]/g, (found) => found + ZERO_WIDTH);

export const slackMarkup: Markup = {
  text: slackText,
  strong: (inner) => `*${inner}*`,
  emphasis: (inner) => `_${inner}_`,
  code: (code) => `\`${escapeSlack(code.replaceAll('`', "'"))}\``,
  codeBlock: (code) => `\`\`\`\n${escapeSlack(code.replaceAll('```', "'''"))}\n\`\`\``,
  link: (inner, href) => `<${href.replace(/[|<>]/g, encodeURIComponent)}|${inner.replaceAll('|', '¦')}>`,
  heading: (inner) => `*${inner}*`,
  quote: quoted,
  item: (inner, marker, depth) => `${'    '.repeat(depth)}${marker === '-' ? '•' : marker} ${inner}`,
  break: '\n',
  paragraphs: '\n\n',
};
