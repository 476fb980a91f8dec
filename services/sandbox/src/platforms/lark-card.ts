/** Which message cards Lark's server takes, JSON 1.0 and 2.0; what it says of the others. */
import { type Fields, isFields, isLink, isText } from './payload.js';

const shared = ['markdown', 'img', 'hr', 'column_set', 'table', 'chart', 'button', 'person', 'person_list'];
const oldTags = new Set([...shared, 'div', 'action', 'note']);
const newTags = new Set([...shared, 'div', 'form', 'collapsible_panel', 'interactive_container', 'img_combination']);

const notParsed = 'ErrCode: 200621; ErrMsg: parse card json err; ';
const fault = (code: number, text: string, value?: string) =>
  `ErrCode: ${code}; ErrMsg: ${text}; ${value === undefined ? '' : `ErrorValue: ${value}; `}`;

/** What is wrong with a card, as the server words it; undefined where it is shown. */
export function cardFault(card: Fields): string | undefined {
  const isNew = card.schema === '2.0';
  const body = isNew ? card.body : card;
  if (isNew && 'elements' in card) return notParsed;
  if (!isFields(body) || !Array.isArray(body.elements)) return notParsed;
  return headerFault(card.header) ?? firstFault(body.elements, isNew, false);
}

function headerFault(header: unknown): string | undefined {
  if (header === undefined) return undefined;
  if (!isFields(header)) return notParsed;
  return isPlainText(header.title) ? undefined : notParsed;
}

function firstFault(elements: readonly unknown[], isNew: boolean, inColumn: boolean): string | undefined {
  for (const element of elements) {
    const found = elementFault(element, isNew, inColumn);
    if (found) return found;
  }
  return undefined;
}

function elementFault(element: unknown, isNew: boolean, inColumn: boolean): string | undefined {
  if (!isFields(element) || !isText(element.tag)) return notParsed;
  const tag = element.tag;
  if (tag === 'action' && inColumn) return fault(200410, 'action components are not allowed in the column');
  if (!(isNew ? newTags : oldTags).has(tag)) return fault(11310, 'unsupported type of block', tag);
  switch (tag) {
    case 'markdown':
      return typeof element.content === 'string' ? mentionFault(element.content) : notParsed;
    case 'div':
      return divFault(element);
    case 'button':
      return buttonFault(element, isNew);
    case 'action':
      return Array.isArray(element.actions) ? firstFault(element.actions, isNew, inColumn) : notParsed;
    case 'note':
      return Array.isArray(element.elements) ? undefined : notParsed;
    case 'img':
      return isText(element.img_key) ? undefined : notParsed;
    case 'column_set':
      return columnsFault(element.columns, isNew);
    default:
      return Array.isArray(element.elements) ? firstFault(element.elements, isNew, inColumn) : undefined;
  }
}

function divFault(element: Fields): string | undefined {
  const fields = Array.isArray(element.fields) ? element.fields : [];
  const texts = [element.text, ...fields.map((field) => (isFields(field) ? field.text : null))];
  for (const text of texts) {
    if (text === undefined) continue;
    if (!isFields(text) || typeof text.content !== 'string') return notParsed;
    if (text.tag !== 'plain_text' && text.tag !== 'lark_md') return notParsed;
    const found = text.tag === 'lark_md' ? mentionFault(text.content) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** A custom bot's buttons can only lead somewhere. */
function buttonFault(element: Fields, isNew: boolean): string | undefined {
  if (!isPlainText(element.text)) return notParsed;
  const behaviors = Array.isArray(element.behaviors) ? element.behaviors : [];
  const links = behaviors.map((it) => (isFields(it) && it.type === 'open_url' ? it.default_url : undefined));
  const link = isNew ? links[0] : (element.url ?? links[0]);
  return link === undefined || isLink(link, ['http:', 'https:', 'mailto:', 'lark:', 'feishu:'])
    ? undefined
    : fault(200732, 'invalid url', String(link));
}

function columnsFault(columns: unknown, isNew: boolean): string | undefined {
  if (!Array.isArray(columns)) return notParsed;
  for (const column of columns) {
    if (!isFields(column) || column.tag !== 'column') return notParsed;
    const found = Array.isArray(column.elements) ? firstFault(column.elements, isNew, true) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** Mentions in a card must name people that exist; everybody, or an open id. */
function mentionFault(markdown: string): string | undefined {
  for (const [, id = ''] of markdown.matchAll(/<at\s+(?:id|user_id)=["']?([^"'\s>]*)["']?\s*>/g)) {
    if (id !== 'all' && !/^ou_\w+$/.test(id)) return fault(11310, 'invalid user resource(at/person) in your card', id);
  }
  return undefined;
}

function isPlainText(value: unknown): boolean {
  return isFields(value) && (value.tag === 'plain_text' || value.tag === 'lark_md') && isText(value.content);
}
