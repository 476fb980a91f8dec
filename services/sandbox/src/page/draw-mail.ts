/** A mail as a reader shows it. Its HTML stands in a frame that runs nothing and reaches nothing. */
import { el } from './dom.js';
import { fieldsOf, type Item, listOf, textOf } from './item.js';
import type { Words } from './words.js';

export function drawMail(item: Item, words: Words): HTMLElement {
  const mail = fieldsOf(item.body);
  const sender = [textOf(mail['fromName']), textOf(mail['from']) && `<${textOf(mail['from'])}>`]
    .filter(Boolean)
    .join(' ');
  const text = textOf(mail['text']);
  const headers = Object.entries(fieldsOf(mail['headers']));
  const attachments = listOf(mail['attachments']).map((it) => textOf(fieldsOf(it)['filename']));
  return el(
    'div',
    { class: 'mail' },
    el('p', { class: 'heading' }, textOf(mail['subject']) || '—'),
    el(
      'dl',
      { class: 'mail-people' },
      el('dt', {}, words.from),
      el('dd', {}, sender || textOf(fieldsOf(mail['envelope'])['from'])),
      el('dt', {}, words.to),
      el('dd', {}, listOf(mail['to']).map(textOf).join(', ') || item.path),
      ...(attachments.length > 0 ? [el('dt', {}, words.attachments), el('dd', {}, attachments.join(', '))] : []),
    ),
    mail['html'] === null || mail['html'] === undefined
      ? el('p', { class: 'quiet' }, words.noHtml)
      : el('iframe', {
          src: `/mails/${item.id}`,
          title: words.mailFrame,
          sandbox: 'allow-popups allow-popups-to-escape-sandbox',
          loading: 'lazy',
          referrerpolicy: 'no-referrer',
        }),
    text !== '' && el('details', {}, el('summary', {}, words.plainText), el('pre', { class: 'json' }, text)),
    headers.length > 0 &&
      el(
        'details',
        {},
        el('summary', {}, words.headers),
        el('pre', { class: 'json' }, headers.map(([name, value]) => `${name}: ${textOf(value)}`).join('\n')),
      ),
  );
}
