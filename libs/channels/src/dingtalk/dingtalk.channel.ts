/** DingTalk custom robot. For people: README.md beside this file. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { breakMarkup, breakMentions, dingtalkMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { bytesOf, cutEscaped, fitLines, jsonBytesOf } from '../text.js';
import { missingKeyword, wordingOf } from '../wording.js';
import { ADDRESS_BANNED, classifyDingtalk } from './classify.js';

/** The provider refuses requests over 20,000 bytes. */
const REQUEST_AT_MOST_BYTES = 19_000;
const TITLE_AT_MOST_BYTES = 600;

const schema = (rules: UrlRules) =>
  z.object({
    url: providerUrl('dingtalk', rules).meta({ secret: true }),
    secret: z.string().trim().min(1).optional().meta({ secret: true }),
    keywords: z.array(z.string().min(1)).default([]),
    format: z.enum(['markdown', 'actionCard', 'text']).default('actionCard'),
  });
type Config = z.infer<ReturnType<typeof schema>>;

export interface DingtalkPayload {
  readonly msgtype: 'markdown' | 'actionCard' | 'text';
  readonly [part: string]: unknown;
}

export const makeDingtalkChannel = (rules: UrlRules): Channel<Config, DingtalkPayload> => ({
  id: 'dingtalk',
  config: schema(rules),
  render,
  async send(payload, config, io) {
    const url = signedUrl(config.url, config.secret, io.now());
    const answer = await postJson(url, payload, io, [config.url, config.secret ?? '']);
    return receiptOf(answer, io.now(), readAnswer, classifyDingtalk);
  },
  // 20 a minute for a robot; 10,000 in 20 s for everything from one address, of which this keeps far away.
  limits: ({ url }) => [
    { key: limitKey('dingtalk', new URL(url).searchParams.get('access_token') ?? url), capacity: 18, perMs: 60_000 },
    { key: 'dingtalk:all', capacity: 300, perMs: 1_000 },
  ],
});

/** HMAC over the time in milliseconds and the secret, in the query (vectors: fixtures/channel-vectors.json). */
export function signedUrl(url: string, secret: string | undefined, now: Date): string {
  if (!secret) return url;
  const timestamp = now.getTime();
  const sign = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
  const signed = new URL(url);
  // People paste the address of a call, with its old signature.
  signed.searchParams.set('timestamp', String(timestamp));
  signed.searchParams.set('sign', sign);
  return signed.href;
}

function readAnswer(body: Record<string, unknown>) {
  if (body['punish'] === 'deny') return { code: ADDRESS_BANNED, text: 'DingTalk has banned our address for 5 minutes' };
  return typeof body['errcode'] === 'number' ? { code: body['errcode'], text: String(body['errmsg'] ?? '') } : null;
}

function render(message: OutboundMessage, config: Config): Rendered<DingtalkPayload> {
  const words = wordingOf(message);
  const { messageUrl } = message;
  const isText = config.format === 'text';
  const asText = isText ? breakMentions : breakMarkup;
  const { strong, link, heading, quote, paragraphs } = isText ? plainForm : dingtalkMarkup;
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, asText, jsonBytesOf);
  const head = [heading(title.text), quote(asText(words.subtitle))];
  const open = config.format === 'actionCard' ? [] : [link(words.open, messageUrl)];
  const cutLine = [strong(`${words.cut} ${link(words.open, messageUrl)}`)];
  const payloadOf = (parts: readonly string[]): DingtalkPayload => {
    const text = parts.filter((part) => part !== '').join(paragraphs);
    if (isText) return { msgtype: 'text', text: { content: text }, at: { isAtAll: false } };
    if (config.format === 'markdown') {
      return { msgtype: 'markdown', markdown: { title: title.text, text }, at: { isAtAll: false } };
    }
    const button = { btnOrientation: '0', singleTitle: words.open, singleURL: messageUrl };
    return { msgtype: 'actionCard', actionCard: { title: title.text, text, ...button } };
  };
  const longest = payloadOf([...head, 'body', 'links', ...cutLine, config.keywords[0] ?? '']);
  const room = REQUEST_AT_MOST_BYTES - bytesOf(JSON.stringify(longest));
  const allLinks = words.links.map(({ label, href }) => link(asText(label), href));
  const links = fitLines(allLinks, room / 2, (line) => jsonBytesOf(line + paragraphs));
  const left = room - jsonBytesOf(links.join(paragraphs));
  const body = isText
    ? cutEscaped(toPlainText(words.body), left, asText, jsonBytesOf)
    : renderMarkdown(words.body, dingtalkMarkup, left, jsonBytesOf);
  const cut = body.isCut || title.isCut || links.length < allLinks.length;
  const parts = [...head, body.text, ...links, ...(cut ? cutLine : open)];
  const keyword = missingKeyword(config.keywords, parts.join(paragraphs));
  return { payload: payloadOf(keyword === null ? parts : [...parts, keyword]), cut };
}

const plainForm = {
  strong: (inner: string) => inner,
  link: (inner: string, href: string) => `${inner}: ${href}`,
  heading: (inner: string) => inner,
  quote: (inner: string) => inner,
  paragraphs: '\n',
};
