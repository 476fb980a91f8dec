/** Draws what the parsers read. Images of elsewhere are named, not loaded. */
import { el, link } from './dom.js';
import type { Block, Inline } from './tree.js';

export function drawBlocks(blocks: readonly Block[]): HTMLElement {
  return el('div', { class: 'rich' }, ...blocks.map(drawBlock));
}

function drawBlock(block: Block): HTMLElement {
  switch (block.kind) {
    case 'paragraph':
      return el('p', {}, ...drawInlines(block.children));
    case 'heading':
      return el(
        'p',
        { class: `heading h${block.level}`, role: 'heading', 'aria-level': 4 },
        ...drawInlines(block.children),
      );
    case 'quote':
      return el('blockquote', {}, ...block.children.map(drawBlock));
    case 'list':
      return el(
        'div',
        { class: 'list', role: 'list' },
        ...block.items.map(({ depth, marker, children }) =>
          el(
            'div',
            { class: `item depth${Math.min(depth, 4)}`, role: 'listitem' },
            el('span', { class: 'marker' }, marker),
            el('span', {}, ...drawInlines(children)),
          ),
        ),
      );
    case 'code':
      return el('pre', {}, block.text);
    case 'rule':
      return el('hr');
    case 'table': {
      const rows = block.rows.map((row) => el('tr', {}, ...row.map((cell) => el('td', {}, ...drawInlines(cell)))));
      return el('div', { class: 'scroll' }, el('table', {}, el('tbody', {}, ...rows)));
    }
  }
}

function drawInlines(inlines: readonly Inline[]): (HTMLElement | string)[] {
  return inlines.map(drawInline);
}

function drawInline(inline: Inline): HTMLElement | string {
  switch (inline.kind) {
    case 'text':
      return inline.text;
    case 'break':
      return el('br');
    case 'code':
      return el('code', {}, inline.text);
    case 'mention':
      return el('span', { class: 'mention' }, inline.text);
    case 'image':
      return el('span', { class: 'picture', title: inline.source }, inline.alt || inline.source);
    case 'strong':
    case 'em':
    case 'del':
      return el(inline.kind, {}, ...drawInlines(inline.children));
    case 'link':
      return link(inline.href, {}, ...drawInlines(inline.children));
    case 'font':
      return el('span', { class: `font ${fontClass(inline.color)}` }, ...drawInlines(inline.children));
  }
}

const known = new Set(['info', 'comment', 'warning', 'red', 'green', 'grey', 'gray', 'orange', 'blue']);

/** Colours are classes: the page's policy allows no styles of its own, and a message names none that hides text. */
function fontClass(color: string): string {
  const name = color.toLowerCase();
  if (known.has(name)) return `font-${name === 'gray' ? 'grey' : name}`;
  return /^#?[0-9a-f]{3,8}$/.test(name) ? 'font-other' : '';
}
