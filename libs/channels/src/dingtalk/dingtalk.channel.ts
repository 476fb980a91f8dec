/** DingTalk custom robot. Facts: docs/channels.md and README.md beside this file. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { dingtalkMarkup, breakMarkup } from '../markups.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { cutEscaped, jsonBytesOf } from '../text.js';
import { wordingOf } from '../wording.js';
import { classifyDingtalk } from './classify.js';

/** The provider refuses bodies over 20,000 bytes. */
const BODY_AT_MOST_BYTES = 19_000;
const TITLE_AT_MOST_BYTES = 600;

const schema = (rules: UrlRules) =>
  z.object({
    url: providerUrl('dingtalk', rules).meta({ secret: true }),
    secret: z.string().min(1).optional().meta({ secret: true }),
    keywords: z.array(z.string()).default([]),
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
    const answer = await postJson(signedUrl(config.url, config.secret, io.now()), payload, io, [config.url, config.secret ?? '']);
    return receiptOf(answer, io.now(), readAnswer, classifyDingtalk);
  },
  limits: ({ url }) => [{ key: limitKey('dingtalk', url), capacity: 18, perMs: 60_000 }],
});

/** HMAC over the time in milliseconds and the secret, in the query (reference: channel-vectors.json). */
export function signedUrl(url: string, secret: string | undefined, now: Date): string {
  if (!secret) return url;
  const timestamp = now.getTime();
  const sign = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
  return `${url}&timestamp=${timestamp}&sign=${encodeURIComponent(sign)}`;
}

function readAnswer(body: Record<string, unknown>) {
  if (body['punish'] === 'deny') return { code: 90018, text: 'the provider has banned this address for 5 minutes' };
  return typeof body['errcode'] === 'number' ? { code: body['errcode'], text: String(body['errmsg'] ?? '') } : null;
}

function render(message: OutboundMessage, config: Config): Rendered<DingtalkPayload> {
  const words = wordingOf(message);
  const missing = config.keywords.filter((keyword) => !`${words.title}${words.body}`.includes(keyword));
  const keywordLine = missing.length === config.keywords.length && missing[0] ? `\n\n${missing[0]}` : '';
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, breakMarkup, jsonBytesOf);
  const links = message.content.links.map(({ label, href }) => `[${breakMarkup(label)}](${href.replace(/[()]/g, encodeURIComponent)})`);
  const open = `[${words.open}](${message.messageUrl})`;
  const frame = (body: string, isCut: boolean) =>
    [`### ${title.text}`, `> ${breakMarkup(words.subtitle)}`, body, ...links, ...(isCut ? [`${words.cut} ${message.messageUrl}`] : [open])]
      .filter(Boolean)
      .join('\n\n') + keywordLine;
  const room = BODY_AT_MOST_BYTES - jsonBytesOf(frame('', true)) - 1_000;
  const body = renderMarkdown(words.body, dingtalkMarkup, room, jsonBytesOf);
  const text = frame(body.text, body.isCut);
  const cut = body.isCut || title.isCut;
  if (config.format === 'text') {
    const plainBody = cutEscaped(toPlainText(words.body), room, (part) => part, jsonBytesOf);
    const content = [words.title, words.subtitle, plainBody.text, message.messageUrl].join('\n') + keywordLine;
    return { payload: { msgtype: 'text', text: { content }, at: { isAtAll: false } }, cut: plainBody.isCut };
  }
  if (config.format === 'markdown') {
    return { payload: { msgtype: 'markdown', markdown: { title: title.text, text }, at: { isAtAll: false } }, cut };
  }
  const card = { title: title.text, text, btnOrientation: '0', singleTitle: words.open, singleURL: message.messageUrl };
  return { payload: { msgtype: 'actionCard', actionCard: card }, cut };
}
