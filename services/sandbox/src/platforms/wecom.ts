/** WeCom's group robot: `/cgi-bin/webhook/send?key=…`. Errors are HTTP 200 with an `errcode`, a hint and the caller's address. */
import { createHash } from 'node:crypto';
import type { Limit } from '../rate-limits.js';
import { recordedAnswers } from '../recorded-answers.js';
import { byteLength, type Fields, isFields, isLink, isText, parseJson } from './payload.js';
import { accept, type Platform, type PlatformAnswer, refuse } from './platform.js';

const MAX_IMAGE_BYTES = 2 * 1024 * 1024;
const LIMITS: readonly Limit[] = [{ count: 20, windowMs: 60_000 }];

interface Fault {
  readonly errcode: number;
  readonly errmsg: string;
}

export const wecom: Platform = {
  id: 'wecom',
  serves: (path) => path === '/cgi-bin/webhook/send',
  token: (request) => request.query.get('key') || undefined,
  url: (token) => `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${encodeURIComponent(token)}`,

  answer(request, ground) {
    const error = ({ errcode, errmsg }: Fault): PlatformAnswer => {
      const digits = BigInt(`0x${createHash('sha256').update(request.body).digest('hex').slice(0, 12)}`);
      const hint = `${Math.floor(ground.now / 1000)}${digits.toString().padStart(15, '0').slice(0, 15)}`;
      const more = `more info at https://open.work.weixin.qq.com/devtool/query?e=${errcode}`;
      return refuse(200, { errcode, errmsg: `${errmsg}, hint: [${hint}], from ip: ${request.from}, ${more}` });
    };
    if (request.method !== 'POST') return error({ errcode: 43002, errmsg: 'require POST method' });
    const token = wecom.token(request);
    if (!token || !ground.robot(token)) return error({ errcode: 93000, errmsg: 'invalid webhook url' });
    const message = parseJson(request.body);
    const type = isFields(message) ? message.msgtype : undefined;
    const check = isText(type) && Object.hasOwn(checks, type) ? checks[type] : undefined;
    if (!isFields(message) || !check) return error({ errcode: 40008, errmsg: 'invalid message type' });
    const content = message[String(type)];
    const fault = isFields(content) ? check(content) : { errcode: 44004, errmsg: 'empty content' };
    if (fault) return error(fault);
    if (ground.admit(token, LIMITS) > 0) return error({ errcode: 45009, errmsg: 'api freq out of limit' });
    if (hasWrongTypes(content as Fields)) return refuse(200, recordedAnswers['wecom warning'].body);
    return accept(200, recordedAnswers['wecom ok'].body);
  },
};

const checks: Record<string, (content: Fields) => Fault | undefined> = {
  text: (content) => textFault('text.content', content.content, 2048),
  markdown: (content) => textFault('markdown.content', content.content, 4096),
  markdown_v2: (content) => textFault('markdown_v2.content', content.content, 4096),
  image: imageFault,
  news: newsFault,
  file: mediaFault,
  voice: mediaFault,
  template_card: cardFault,
};

const invalid = (what: string): Fault => ({ errcode: 40058, errmsg: `${what}. invalid Request Parameter` });

function textFault(field: string, value: unknown, maxBytes: number): Fault | undefined {
  if (value === undefined || value === null || value === '') return { errcode: 44004, errmsg: 'empty content' };
  if (typeof value === 'string' && byteLength(value) > maxBytes)
    return invalid(`${field} exceed max length ${maxBytes}`);
  return undefined;
}

function imageFault(content: Fields): Fault | undefined {
  if (!isText(content.base64) || !isText(content.md5)) return invalid('image.base64 or image.md5 missing');
  const file = Buffer.from(content.base64, 'base64');
  if (file.length > MAX_IMAGE_BYTES) return { errcode: 40006, errmsg: 'invalid media size' };
  const md5 = createHash('md5').update(file).digest('hex');
  return md5 === content.md5 ? undefined : { errcode: 301019, errmsg: 'media md5 not match' };
}

function newsFault(content: Fields): Fault | undefined {
  const articles = content.articles;
  if (!Array.isArray(articles) || articles.length === 0) return { errcode: 44004, errmsg: 'empty content' };
  if (articles.length > 8) return invalid('news.articles exceed max length 8');
  return articles.every((it) => isFields(it) && isText(it.title) && isLink(it.url))
    ? undefined
    : invalid('news.articles missing title or url');
}

/** Nothing can be uploaded here, so no media id is known. */
function mediaFault(): Fault {
  return { errcode: 40007, errmsg: 'invalid media_id' };
}

function cardFault(card: Fields): Fault | undefined {
  const title = isFields(card.main_title) ? card.main_title.title : undefined;
  const action = card.card_action;
  if (card.card_type !== 'text_notice' && card.card_type !== 'news_notice') return invalid('template_card.card_type');
  if (!isText(title) && !isText(card.sub_title_text)) {
    return invalid('template_card.main_title.title or template_card.sub_title_text missing');
  }
  if (!isFields(action)) return invalid('template_card.card_action missing');
  const leads = action.type === 1 ? isLink(action.url) : action.type === 2 && isText(action.appid);
  if (!leads) return invalid('template_card.card_action');
  for (const [field, most] of [
    ['horizontal_content_list', 6],
    ['jump_list', 3],
  ] as const) {
    const items = card[field];
    if (Array.isArray(items) && items.length > most) return invalid(`template_card.${field} exceed max length ${most}`);
  }
  return undefined;
}

/** Accepted with a warning, and shown to nobody. */
function hasWrongTypes(content: Fields): boolean {
  const lists = ['mentioned_list', 'mentioned_mobile_list'].map((field) => content[field]);
  const isList = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string');
  return (
    ('content' in content && typeof content.content !== 'string') ||
    lists.some((value) => value !== undefined && !isList(value))
  );
}
