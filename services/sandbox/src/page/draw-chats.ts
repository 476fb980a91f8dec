/** Messages of the chat platforms, drawn as each of them shows them; what it would not show is shown as it was posted. */
import { el, link } from './dom.js';
import { drawJson } from './draw-json.js';
import { drawBlocks } from './draw-tree.js';
import { type Fields, fieldsOf, type Item, listOf, textOf } from './item.js';
import { dialects, parseMarkdown, parsePlain } from './markdown.js';
import { parseMrkdwn } from './mrkdwn.js';

export function drawDingtalk({ body }: Item): HTMLElement {
  const message = fieldsOf(body);
  const part = fieldsOf(message[textOf(message['msgtype'])]);
  const markdown = () => drawBlocks(parseMarkdown(textOf(part['text']), dialects.dingtalk));
  switch (message['msgtype']) {
    case 'text':
      return bubble(drawBlocks(parsePlain(textOf(part['content']), dialects.dingtalk.mentions)));
    case 'markdown':
      return bubble(markdown());
    case 'actionCard': {
      const single = part['singleTitle'] ? [{ title: part['singleTitle'], actionURL: part['singleURL'] }] : [];
      const buttons = [...single, ...listOf(part['btns'])].map(fieldsOf);
      return el(
        'div',
        { class: 'card' },
        el('div', { class: 'card-body' }, markdown()),
        ...buttons.map((it) => link(textOf(it['actionURL']), { class: 'card-action' }, textOf(it['title']))),
      );
    }
    case 'link':
      return bubble(
        el('p', { class: 'heading' }, link(textOf(part['messageUrl']), {}, textOf(part['title']))),
        el('p', {}, textOf(part['text'])),
      );
    default:
      return bubble(drawJson(body));
  }
}

export function drawWecom({ body }: Item): HTMLElement {
  const message = fieldsOf(body);
  const part = fieldsOf(message[textOf(message['msgtype'])]);
  const content = textOf(part['content']);
  switch (message['msgtype']) {
    case 'text':
      return bubble(drawBlocks(parsePlain(content)));
    case 'markdown':
      return bubble(drawBlocks(parseMarkdown(content, dialects.wecom)));
    case 'markdown_v2':
      return bubble(drawBlocks(parseMarkdown(content, dialects.wecomV2)));
    default:
      return bubble(drawJson(body));
  }
}

export function drawLark({ body }: Item): HTMLElement {
  const message = fieldsOf(body);
  const content = fieldsOf(message['content']);
  switch (message['msg_type']) {
    case 'text':
      return bubble(drawBlocks(parsePlain(textOf(content['text']), dialects.lark.mentions)));
    case 'post':
      return drawPost(fieldsOf(content['post']));
    case 'interactive':
      return drawLarkCard(fieldsOf(message['card']));
    default:
      return bubble(drawJson(body));
  }
}

function drawPost(post: Fields): HTMLElement {
  const first = fieldsOf(Object.values(post)[0]);
  const node = (value: unknown) => {
    const { tag, text, href, user_name: user } = fieldsOf(value);
    if (tag === 'a') return link(textOf(href), {}, textOf(text));
    if (tag === 'at') return el('span', { class: 'mention' }, `@${textOf(user) || 'all'}`);
    return textOf(text);
  };
  const lines = listOf(first['content']).map((line) => el('p', {}, ...listOf(line).map(node)));
  return bubble(el('div', { class: 'rich' }, el('p', { class: 'heading' }, textOf(first['title'])), ...lines));
}

const templates = new Set([
  'blue',
  'wathet',
  'turquoise',
  'green',
  'yellow',
  'orange',
  'red',
  'carmine',
  'violet',
  'purple',
  'indigo',
  'grey',
]);

function drawLarkCard(card: Fields): HTMLElement {
  const header = fieldsOf(card['header']);
  const elements = listOf(card['schema'] === '2.0' ? fieldsOf(card['body'])['elements'] : card['elements']);
  const template = textOf(header['template']);
  const title = textOf(fieldsOf(header['title'])['content']);
  const subtitle = textOf(fieldsOf(header['subtitle'])['content']);
  return el(
    'div',
    { class: 'card lark-card' },
    (title || subtitle) &&
      el(
        'div',
        { class: `card-header tint-${templates.has(template) ? template : 'grey'}` },
        el('p', { class: 'heading' }, title),
        subtitle && el('p', { class: 'quiet' }, subtitle),
      ),
    el('div', { class: 'card-body' }, ...elements.map((it) => drawLarkElement(fieldsOf(it), card['schema'] === '2.0'))),
  );
}

function drawLarkElement(element: Fields, isNew: boolean): HTMLElement {
  const dialect = isNew ? dialects.lark : dialects.larkOld;
  const textElement = (value: unknown) => {
    const { tag, content } = fieldsOf(value);
    return drawBlocks(
      tag === 'lark_md' ? parseMarkdown(textOf(content), dialects.larkOld) : parsePlain(textOf(content)),
    );
  };
  switch (element['tag']) {
    case 'markdown':
      return drawBlocks(parseMarkdown(textOf(element['content']), dialect));
    case 'div':
      return el(
        'div',
        {},
        element['text'] !== undefined && textElement(element['text']),
        ...listOf(element['fields']).map((field) => textElement(fieldsOf(field)['text'])),
      );
    case 'button': {
      const target = listOf(element['behaviors'])
        .map(fieldsOf)
        .find((it) => it['type'] === 'open_url');
      const href = textOf(target?.['default_url'] ?? element['url']);
      const kind = element['type'] === 'primary' || element['type'] === 'danger' ? ` ${element['type']}` : '';
      return link(href, { class: `button${kind}` }, textOf(fieldsOf(element['text'])['content']));
    }
    case 'action':
      return el(
        'div',
        { class: 'buttons' },
        ...listOf(element['actions']).map((it) => drawLarkElement(fieldsOf(it), isNew)),
      );
    case 'hr':
      return el('hr');
    case 'note':
      return el('div', { class: 'quiet' }, ...listOf(element['elements']).map(textElement));
    case 'column_set':
      return el(
        'div',
        { class: 'columns' },
        ...listOf(element['columns']).map((column) =>
          el('div', {}, ...listOf(fieldsOf(column)['elements']).map((it) => drawLarkElement(fieldsOf(it), isNew))),
        ),
      );
    default:
      return drawJson(element);
  }
}

export function drawSlack({ body }: Item): HTMLElement {
  const message = fieldsOf(body);
  const blocks = listOf(typeof message['blocks'] === 'string' ? parsed(message['blocks']) : message['blocks']);
  if (blocks.length === 0) {
    const text = textOf(message['text']);
    return bubble(text === '' ? drawJson(body) : drawBlocks(parseMrkdwn(text)));
  }
  return el('div', { class: 'slack-blocks' }, ...blocks.map((block) => drawSlackBlock(fieldsOf(block))));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}

function drawSlackBlock(block: Fields): HTMLElement {
  switch (block['type']) {
    case 'header':
      return el(
        'p',
        { class: 'heading h3', role: 'heading', 'aria-level': 4 },
        textOf(fieldsOf(block['text'])['text']),
      );
    case 'section':
      return el(
        'div',
        { class: 'slack-section' },
        block['text'] !== undefined && slackText(block['text']),
        el('div', { class: 'columns' }, ...listOf(block['fields']).map(slackText)),
        block['accessory'] !== undefined && slackButton(fieldsOf(block['accessory'])),
      );
    case 'context':
      return el('div', { class: 'quiet' }, ...listOf(block['elements']).map(slackText));
    case 'actions':
      return el('div', { class: 'buttons' }, ...listOf(block['elements']).map((it) => slackButton(fieldsOf(it))));
    case 'divider':
      return el('hr');
    case 'image':
      return el('span', { class: 'picture', title: textOf(block['image_url']) }, textOf(block['alt_text']));
    case 'markdown':
      return drawBlocks(parseMarkdown(textOf(block['text']), dialects.wecomV2));
    default:
      return drawJson(block);
  }
}

function slackText(value: unknown): HTMLElement {
  const { type, text, alt_text: alt } = fieldsOf(value);
  if (type === 'image') return el('span', { class: 'picture' }, textOf(alt));
  return drawBlocks(type === 'mrkdwn' ? parseMrkdwn(textOf(text)) : parsePlain(textOf(text)));
}

function slackButton({ text, url, style }: Fields): HTMLElement {
  const kind = style === 'primary' || style === 'danger' ? ` ${style}` : '';
  return link(textOf(url), { class: `button${kind}` }, textOf(fieldsOf(text)['text']));
}

function bubble(...children: (HTMLElement | string)[]): HTMLElement {
  return el('div', { class: 'bubble' }, ...children);
}
