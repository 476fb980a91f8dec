/** JSON as people read it: indented, with keys and values told apart. Text that is not JSON stays as it came. */
import { type Child, el } from './dom.js';

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function drawJson(value: unknown): HTMLElement {
  if (typeof value === 'string') return el('pre', { class: 'json' }, value);
  const source = JSON.stringify(value, null, 2) ?? '';
  const parts: Child[] = [];
  let at = 0;
  for (const match of source.matchAll(token)) {
    const [whole, text, colon] = match;
    parts.push(source.slice(at, match.index));
    if (text === undefined) parts.push(el('span', { class: 'json-value' }, whole));
    else parts.push(el('span', { class: colon ? 'json-key' : 'json-text' }, text), colon ?? '');
    at = match.index + whole.length;
  }
  return el('pre', { class: 'json' }, ...parts, source.slice(at));
}
