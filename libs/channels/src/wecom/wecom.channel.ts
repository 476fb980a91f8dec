/** WeCom group robot. Facts: README.md beside this file. */
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { breakMarkup, wecomMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { bytesOf, cutEscaped } from '../text.js';
import { wordingOf } from '../wording.js';
import { classifyWecom, withoutEgress } from './classify.js';

const MARKDOWN_AT_MOST_BYTES = 4_096;
const TEXT_AT_MOST_BYTES = 2_048;
const TITLE_AT_MOST_BYTES = 600;
const KEY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const schema = (rules: UrlRules) =>
  z.object({
    // People paste only the key as often as the address.
    url: z
      .preprocess((given) => (typeof given === 'string' && KEY.test(given.trim()) ? `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${given.trim()}` : given), providerUrl('wecom', rules))
      .meta({ secret: true }),
    format: z.enum(['markdown', 'text']).default('markdown'),
  });
type Config = z.infer<ReturnType<typeof schema>>;

export type WecomPayload =
  | { readonly msgtype: 'markdown'; readonly markdown: { readonly content: string } }
  | { readonly msgtype: 'text'; readonly text: { readonly content: string } };

export const makeWecomChannel = (rules: UrlRules): Channel<Config, WecomPayload> => ({
  id: 'wecom',
  config: schema(rules) as z.ZodType<Config>,
  render,
  async send(payload, config, io) {
    const answer = await postJson(config.url, payload, io, [config.url]);
    return receiptOf(answer, io.now(), readAnswer, classifyWecom);
  },
  limits: ({ url }) => [{ key: limitKey('wecom', url), capacity: 18, perMs: 60_000 }],
});

function readAnswer(body: Record<string, unknown>) {
  return typeof body['errcode'] === 'number' ? { code: body['errcode'], text: withoutEgress(String(body['errmsg'] ?? '')) } : null;
}

function render(message: OutboundMessage, config: Config): Rendered<WecomPayload> {
  const words = wordingOf(message);
  if (config.format === 'text') {
    const tail = `\n${message.messageUrl}`;
    const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, breakMentions);
    const head = `${title.text}\n${words.subtitle}\n`;
    const body = cutEscaped(toPlainText(words.body), TEXT_AT_MOST_BYTES - bytesOf(head + tail), breakMentions);
    return { payload: { msgtype: 'text', text: { content: head + body.text + tail } }, cut: body.isCut || title.isCut };
  }
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, breakMarkup);
  const colour = { info: 'info', warning: 'warning', critical: 'warning' }[message.severity];
  const head = `### ${title.text}\n> <font color="${colour}">${breakMarkup(words.subtitle)}</font>\n`;
  const open = `\n[${words.open}](${message.messageUrl})`;
  const cutLine = `\n${words.cut} [${words.open}](${message.messageUrl})`;
  const room = MARKDOWN_AT_MOST_BYTES - bytesOf(head + cutLine);
  const links = message.content.links.map(({ label, href }) => `\n[${breakMarkup(label)}](${href.replace(/[()]/g, encodeURIComponent)})`).join('');
  const withLinks = bytesOf(links) < room / 2 ? links : '';
  const body = renderMarkdown(words.body, wecomMarkup, room - bytesOf(withLinks));
  const content = head + body.text + withLinks + (body.isCut ? cutLine : open);
  return { payload: { msgtype: 'markdown', markdown: { content } }, cut: body.isCut || title.isCut };
}

const breakMentions = (text: string) => text.replace(/<@|@/g, (found) => `${found}\u200B`);
