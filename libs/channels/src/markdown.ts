/**
 * The Markdown subset of an event's body, parsed once by a maintained parser and written again in each channel's markup.
 * Raw HTML is text, images are links, links go to https, http and mailto only. The body is hostile: markdown-it stays
 * linear on what makes other parsers quadratic (measured: at most 0.75 s for 250 KB made for the purpose; micromark 5 s for
 * 20 KB), and nests at most 20 deep.
 */
import MarkdownIt, { type Token } from 'markdown-it';
import { bytesOf, type Cut, cutEscaped, fittingUnits } from './text.js';

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

type Kind =
  | 'text'
  | 'paragraph'
  | 'heading'
  | 'quote'
  | 'list'
  | 'item'
  | 'codeBlock'
  | 'code'
  | 'strong'
  | 'emphasis'
  | 'link'
  | 'break'
  | 'group';

interface Node {
  readonly kind: Kind;
  /** Of text and code. */
  readonly text: string;
  /** Of a link; already checked and in its canonical form. */
  readonly href: string;
  /** Of a list: the number of its first item, null for bullets. */
  readonly start: number | null;
  readonly children: Node[];
}

interface Parsed {
  readonly nodes: readonly Node[];
  plain?: string;
}

const parser = new MarkdownIt('commonmark', { html: false }).disable(['reference']);
parser.validateLink = isSafeHref;

/** Bodies beyond this are read as text from there on: a message that long is a log, and people wait meanwhile. */
const PARSED_AT_MOST = 128 * 1024;
const KEPT_AT_MOST_UNITS = 500_000;
const kept = new Map<string, Parsed>();
let keptUnits = 0;

/** The last bodies stay parsed: an event goes to many destinations. */
function parsed(body: string): Parsed {
  const known = kept.get(body);
  if (known) return known;
  const nodes = isPlain(body) ? paragraphs(body) : parse(body);
  const made: Parsed = { nodes };
  if (body.length > KEPT_AT_MOST_UNITS / 10) return made;
  kept.set(body, made);
  keptUnits += body.length;
  for (const oldest of kept.keys()) {
    if (keptUnits <= KEPT_AT_MOST_UNITS) break;
    kept.delete(oldest);
    keptUnits -= oldest.length;
  }
  return made;
}

function parse(body: string): Node[] {
  const nodes = nodesOf(parser.parse(body.slice(0, PARSED_AT_MOST), {}));
  return body.length > PARSED_AT_MOST ? [...nodes, ...paragraphs(body.slice(PARSED_AT_MOST))] : nodes;
}

/** Nothing in it that Markdown would read as anything but text: most bodies, and parsing them is most of rendering. */
function isPlain(body: string): boolean {
  return !/[\\`*_[\]<>&#~\0]|^[ \t]*(?:[-+=]|\d+[.)])|^(?: {4}| *\t)| {2}\n/m.test(body);
}

function paragraphs(body: string): Node[] {
  return body
    .replace(/\r\n?/g, '\n')
    .split(/\n(?:[ \t]*\n)+/)
    .map((paragraph) => paragraph.trim().replace(/[ \t]*\n[ \t]*/g, '\n'))
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => node('paragraph', { children: [node('text', { text: paragraph })] }));
}

function node(kind: Kind, more: Partial<Node> = {}): Node {
  return { kind, text: '', href: '', start: null, children: [], ...more };
}

function nodesOf(tokens: readonly Token[]): Node[] {
  const root: Node[] = [];
  const open: Node[][] = [root];
  for (const token of tokens) {
    const made = token.nesting === -1 ? null : nodeOf(token);
    if (token.nesting === -1) open.pop();
    if (made) open.at(-1)!.push(made);
    if (made && token.nesting === 1) open.push(made.children);
  }
  return root;
}

function nodeOf(token: Token): Node | null {
  switch (token.type) {
    case 'paragraph_open':
      return node('paragraph');
    case 'heading_open':
      return node('heading');
    case 'blockquote_open':
      return node('quote');
    case 'bullet_list_open':
      return node('list');
    case 'ordered_list_open':
      return node('list', { start: Number(token.attrGet('start') ?? 1) });
    case 'list_item_open':
      return node('item');
    case 'fence':
    case 'code_block':
      return node('codeBlock', { text: token.content.replace(/\n$/, '') });
    case 'code_inline':
      return node('code', { text: token.content });
    case 'strong_open':
      return node('strong');
    case 'em_open':
      return node('emphasis');
    case 'link_open':
      return linkNode(String(token.attrGet('href') ?? ''));
    case 'image': {
      const href = String(token.attrGet('src') ?? '');
      return { ...linkNode(href), children: [node('text', { text: token.content || href })] };
    }
    case 'hardbreak':
      return node('break');
    case 'softbreak':
      return node('text', { text: '\n' });
    case 'hr':
      return null;
    case 'inline':
      return node('group', { children: nodesOf(token.children ?? []) });
    default:
      return token.nesting === 1 ? node('group') : node('text', { text: token.content });
  }
}

function linkNode(href: string): Node {
  return isSafeHref(href) ? node('link', { href: new URL(href).href }) : node('group');
}

export function isSafeHref(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href) && URL.canParse(href);
}

export interface Blocks {
  readonly blocks: readonly string[];
  readonly isCut: boolean;
}

/**
 * The body in a markup, block by block while there is room. The first block that doesn't fit is cut as plain text; one
 * that is larger than `blockAtMost` is divided as plain text.
 */
export function renderBlocks(
  body: string,
  markup: Markup,
  room: number,
  measure: (text: string) => number,
  blockAtMost: number,
): Blocks {
  const blocks: string[] = [];
  const gap = measure(markup.paragraphs);
  let left = room;
  const add = (block: string) => {
    left -= measure(block) + (blocks.length > 0 ? gap : 0);
    blocks.push(block);
  };
  for (const found of parsed(body).nodes) {
    const block = blockOf(found, markup, 0);
    if (block === '') continue;
    const size = measure(block);
    let free = left - (blocks.length > 0 ? gap : 0);
    if (size <= free && size <= blockAtMost) {
      add(block);
      continue;
    }
    let rest = blockOf(found, plain, 0);
    while (free > blockAtMost && measure(markup.text(rest)) > blockAtMost) {
      const units = fittingUnits(rest, blockAtMost, markup.text, measure);
      if (units === 0) return { blocks, isCut: true };
      add(markup.text(rest.slice(0, units)));
      rest = rest.slice(units);
      free = left - gap;
    }
    const { text, isCut } = cutEscaped(rest, Math.min(free, blockAtMost), markup.text, measure);
    if (text !== '') add(text);
    if (isCut) return { blocks, isCut };
  }
  return { blocks, isCut: false };
}

export function renderMarkdown(body: string, markup: Markup, room = Number.POSITIVE_INFINITY, measure = bytesOf): Cut {
  const { blocks, isCut } = renderBlocks(body, markup, room, measure, Number.POSITIVE_INFINITY);
  return { text: blocks.join(markup.paragraphs), isCut };
}

/** Without any markup, for inbox lists, mail and chat previews. */
export function toPlainText(body: string): string {
  const found = parsed(body);
  found.plain ??= rendered(found, plain);
  return found.plain;
}

/** Our own HTML: nothing of the producer's but text and checked links. */
export function toHtml(body: string): string {
  return rendered(parsed(body), html);
}

function rendered({ nodes }: Parsed, markup: Markup): string {
  return nodes
    .map((found) => blockOf(found, markup, 0))
    .filter((block) => block !== '')
    .join(markup.paragraphs);
}

function blockOf(found: Node, markup: Markup, depth: number): string {
  switch (found.kind) {
    case 'heading':
      return markup.heading(childrenOf(found, markup));
    case 'quote':
      return markup.quote(found.children.map((child) => blockOf(child, markup, depth)).join(markup.break));
    case 'codeBlock':
      return markup.codeBlock(found.text);
    case 'list':
      return found.children
        .map((item, index) => {
          const [head, ...rest] = item.children.map((child) => blockOf(child, markup, depth + 1));
          const own = markup.item(head ?? '', found.start === null ? '-' : `${found.start + index}.`, depth);
          return [own, ...rest].join(markup.break);
        })
        .join(markup.break);
    default:
      return childrenOf(found, markup);
  }
}

function childrenOf({ children }: Node, markup: Markup): string {
  return children.map((child) => inlineOf(child, markup)).join('');
}

function inlineOf(found: Node, markup: Markup): string {
  switch (found.kind) {
    case 'text':
      return markup.text(found.text);
    case 'code':
      return markup.code(found.text);
    case 'strong':
      return markup.strong(childrenOf(found, markup));
    case 'emphasis':
      return markup.emphasis(childrenOf(found, markup));
    case 'break':
      return markup.break;
    case 'link':
      return markup.link(childrenOf(found, markup).replace(/\s*\n\s*/g, ' '), found.href);
    default:
      return childrenOf(found, markup);
  }
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
  link: (inner, href) =>
    `<a href="${escapeHtml(href)}" rel="noopener noreferrer nofollow" target="_blank">${inner}</a>`,
  heading: (inner) => `<h3>${inner}</h3>`,
  quote: (inner) => `<blockquote>${inner}</blockquote>`,
  item: (inner, marker, depth) =>
    `<p style="margin:0 0 0 ${depth + 1}em">${marker === '-' ? '•' : escapeHtml(marker)} ${inner}</p>`,
  break: '<br>',
  paragraphs: '<br><br>',
};
