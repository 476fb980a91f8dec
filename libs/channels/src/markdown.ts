/**
 * The Markdown subset of an event's body, parsed once by a maintained parser and written again in each channel's markup.
 * Raw HTML is text, images are links, links go to https, http and mailto only.
 */
import type { Nodes, Root, RootContent } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { bytesOf, cutEscaped, MARK } from './text.js';

/** How one channel writes what Markdown says. All but `text` and `code` receive text that is escaped already. */
export interface Markup {
  text(text: string): string;
  strong(inner: string): string;
  emphasis(inner: string): string;
  code(code: string): string;
  codeBlock(code: string): string;
  link(inner: string, href: string): string;
  heading(inner: string): string;
  quote(inner: string): string;
  /** `marker` is `-` or `1.`; `depth` counts from 0. */
  item(inner: string, marker: string, depth: number): string;
  readonly break: string;
  readonly paragraphs: string;
}

const PARSED_AT_MOST = 200;
const parsed = new Map<string, Root>();

/** The last few bodies stay parsed: an event goes to many destinations. */
export function parseMarkdown(body: string): Root {
  const known = parsed.get(body);
  if (known) return known;
  const root = fromMarkdown(body);
  if (parsed.size >= PARSED_AT_MOST) parsed.delete(parsed.keys().next().value!);
  parsed.set(body, root);
  return root;
}

export function isSafeHref(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href) && URL.canParse(href);
}

export interface Cut {
  readonly text: string;
  readonly isCut: boolean;
}

/** The body in a markup, block by block while there is room; the first block that doesn't fit is cut as plain text. */
export function renderMarkdown(body: string, markup: Markup, room = Number.POSITIVE_INFINITY, measure = bytesOf): Cut {
  const blocks: string[] = [];
  let left = room;
  for (const node of parseMarkdown(body).children) {
    const block = blockOf(node, markup, 0);
    if (block === '') continue;
    const size = measure(block) + (blocks.length > 0 ? measure(markup.paragraphs) : 0);
    if (size <= left) {
      blocks.push(block);
      left -= size;
      continue;
    }
    const rest = cutEscaped(plainOf(node), left - measure(markup.paragraphs), (text) => markup.text(text), measure);
    if (rest.text !== MARK && left > measure(markup.paragraphs) + measure(MARK)) blocks.push(rest.text);
    return { text: blocks.join(markup.paragraphs), isCut: true };
  }
  return { text: blocks.join(markup.paragraphs), isCut: false };
}

/** Without any markup, for inbox lists, mail and chat previews. */
export function toPlainText(body: string): string {
  return renderMarkdown(body, plain).text;
}

/** Our own HTML: nothing of the producer's but text and checked links. */
export function toHtml(body: string): string {
  return renderMarkdown(body, html).text;
}

function blockOf(node: RootContent, markup: Markup, depth: number): string {
  switch (node.type) {
    case 'paragraph':
      return inlineOf(node, markup);
    case 'heading':
      return markup.heading(inlineOf(node, markup));
    case 'blockquote':
      return markup.quote(node.children.map((child) => blockOf(child, markup, depth)).join(markup.break));
    case 'code':
      return markup.codeBlock(node.value);
    case 'list': {
      const first = node.start ?? 1;
      return node.children
        .map((item, index) => {
          const [head, ...rest] = item.children.map((child) => blockOf(child, markup, depth + 1));
          const own = markup.item(head ?? '', node.ordered ? `${first + index}.` : '-', depth);
          return [own, ...rest].join(markup.break);
        })
        .join(markup.break);
    }
    case 'html':
      return markup.text(node.value);
    case 'thematicBreak':
    case 'definition':
      return '';
    default:
      return inlineOf(node, markup);
  }
}

function inlineOf(node: Nodes, markup: Markup): string {
  switch (node.type) {
    case 'text':
    case 'html':
      return markup.text(node.value);
    case 'inlineCode':
      return markup.code(node.value);
    case 'strong':
      return markup.strong(childrenOf(node.children, markup));
    case 'emphasis':
      return markup.emphasis(childrenOf(node.children, markup));
    case 'break':
      return markup.break;
    case 'link':
      return linkOf(childrenOf(node.children, markup), node.url, markup);
    case 'image':
      return linkOf(markup.text(node.alt || node.url), node.url, markup);
    default:
      if ('children' in node) return childrenOf(node.children as Nodes[], markup);
      return 'value' in node ? markup.text(String(node.value)) : '';
  }
}

function childrenOf(nodes: readonly Nodes[], markup: Markup): string {
  return nodes.map((child) => inlineOf(child, markup)).join('');
}

function linkOf(inner: string, href: string, markup: Markup): string {
  return isSafeHref(href) ? markup.link(inner, new URL(href).href) : inner;
}

function plainOf(node: RootContent): string {
  return blockOf(node, plain, 0);
}

export const plain: Markup = {
  text: (text) => text,
  strong: (inner) => inner,
  emphasis: (inner) => inner,
  code: (code) => code,
  codeBlock: (code) => code,
  link: (inner, href) => (inner === href ? href : `${inner} (${href})`),
  heading: (inner) => inner,
  quote: (inner) => inner.replace(/^/gm, '> '),
  item: (inner, marker, depth) => `${'  '.repeat(depth)}${marker} ${inner}`,
  break: '\n',
  paragraphs: '\n\n',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const html: Markup = {
  text: (text) => escapeHtml(text).replaceAll('\n', '<br>'),
  strong: (inner) => `<strong>${inner}</strong>`,
  emphasis: (inner) => `<em>${inner}</em>`,
  code: (code) => `<code>${escapeHtml(code)}</code>`,
  codeBlock: (code) => `<pre><code>${escapeHtml(code)}</code></pre>`,
  link: (inner, href) => `<a href="${escapeHtml(href)}" rel="noopener noreferrer nofollow" target="_blank">${inner}</a>`,
  heading: (inner) => `<h3>${inner}</h3>`,
  quote: (inner) => `<blockquote>${inner}</blockquote>`,
  item: (inner, marker, depth) => `<p style="margin:0 0 0 ${depth + 1}em">${marker === '-' ? '•' : escapeHtml(marker)} ${inner}</p>`,
  break: '<br>',
  paragraphs: '<br><br>',
};
