/** One received message: when, what became of it, the message itself, and the call that brought it. */
import { type Child, el } from './dom.js';
import { drawDingtalk, drawLark, drawSlack, drawWecom } from './draw-chats.js';
import { drawJson } from './draw-json.js';
import { drawMail } from './draw-mail.js';
import { drawWebhook } from './draw-webhook.js';
import { fieldsOf, type Item } from './item.js';
import type { Place } from './places.js';
import type { Language, Words } from './words.js';

export function drawEntry(item: Item, place: Place, words: Words, language: Language): HTMLElement {
  return el(
    'article',
    { class: `entry ${item.platform}${item.accepted ? '' : ' not-accepted'}`, id: `item-${item.id}` },
    el(
      'header',
      { class: 'entry-head' },
      el('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(place)),
      el('span', { class: 'sender' }, item.platform === 'mail' ? place.name : (item.robot ?? place.name)),
      el('time', { datetime: item.at, title: new Date(item.at).toLocaleString(language) }, timeOf(item.at, language)),
    ),
    stateOf(item, words),
    contentOf(item, place, words),
    callOf(item, words),
  );
}

function initial(place: Place): string {
  return [
    ...(place.platform === 'mail'
      ? place.name
      : { dingtalk: '钉', wecom: '企', lark: '飞', slack: 'S', webhook: '{}' }[place.platform]),
  ]
    .slice(0, place.platform === 'webhook' ? 2 : 1)
    .join('')
    .toUpperCase();
}

function timeOf(at: string, language: Language): string {
  return new Date(at).toLocaleTimeString(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
}

function contentOf(item: Item, place: Place, words: Words): HTMLElement {
  switch (item.platform) {
    case 'dingtalk':
      return drawDingtalk(item);
    case 'wecom':
      return drawWecom(item);
    case 'lark':
      return drawLark(item);
    case 'slack':
      return drawSlack(item);
    case 'webhook':
      return drawWebhook(item, place.isSigned, words);
    case 'mail':
      return drawMail(item, words);
  }
}

/** Said only where it isn't the usual: taken, and answered. */
function stateOf({ accepted, answer, fault }: Item, words: Words): HTMLElement | null {
  const parts: Child[] = [];
  if (fault !== null) parts.push(el('span', { class: 'chip warn' }, `${words.fault}: ${words.kinds[fault] ?? fault}`));
  if (!accepted) parts.push(el('span', { class: 'chip bad' }, words.refused));
  if (answer === null) parts.push(el('span', { class: 'quiet' }, words.noAnswer));
  else if (!accepted) parts.push(el('span', { class: 'quiet' }, saidBy(answer)));
  return parts.length === 0 ? null : el('p', { class: 'state' }, ...parts);
}

/** The platform's own words where it has any. */
function saidBy({ status, body }: { readonly status: number; readonly body: unknown }): string {
  if (typeof body === 'string') return body.startsWith(String(status)) ? body : `HTTP ${status} ${body}`.slice(0, 300);
  const { errcode, errmsg, code, msg, error } = fieldsOf(body);
  const said = [errcode ?? code, errmsg ?? msg ?? error].filter((it) => it !== undefined).join(' ');
  return `HTTP ${status} ${said}`.slice(0, 300);
}

function callOf(item: Item, words: Words): HTMLElement {
  const headers = Object.entries(item.headers).map(([name, value]) => `${name}: ${value}`);
  const isMail = item.platform === 'mail';
  return el(
    'details',
    { class: 'call' },
    el('summary', {}, words.call),
    !isMail && el('h4', {}, words.request),
    !isMail && el('pre', { class: 'json' }, [`POST ${item.path}`, ...headers].join('\n')),
    !isMail && item.platform !== 'webhook' && el('h4', {}, words.body),
    !isMail && item.platform !== 'webhook' && drawJson(item.body),
    el('h4', {}, words.answer),
    item.answer
      ? drawJson(item.answer.body === undefined ? '' : { status: item.answer.status, body: item.answer.body })
      : el('p', { class: 'quiet' }, words.noAnswer),
  );
}
