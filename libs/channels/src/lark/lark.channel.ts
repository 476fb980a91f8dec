/** Lark and Feishu custom bot: one protocol, two hosts. Facts: README.md beside this file. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { escapeLark, larkMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { cutEscaped, jsonBytesOf } from '../text.js';
import { wordingOf } from '../wording.js';
import { classifyLark } from './classify.js';

/** The provider refuses bodies over 20 KB. */
const BODY_AT_MOST_BYTES = 19_000;
const TITLE_AT_MOST_BYTES = 600;
const colours = { info: 'blue', warning: 'orange', critical: 'red' } as const;

const schema = (rules: UrlRules) =>
  z.object({
    url: providerUrl('lark', rules).meta({ secret: true }),
    secret: z.string().min(1).optional().meta({ secret: true }),
    keywords: z.array(z.string()).default([]),
    format: z.enum(['interactive', 'post', 'text']).default('interactive'),
  });
type Config = z.infer<ReturnType<typeof schema>>;

export interface LarkPayload {
  readonly msg_type: 'interactive' | 'post' | 'text';
  readonly [part: string]: unknown;
}

export const makeLarkChannel = (rules: UrlRules): Channel<Config, LarkPayload> => ({
  id: 'lark',
  config: schema(rules),
  render,
  async send(payload, config, io) {
    const body = { ...signature(config.secret, io.now()), ...payload };
    const answer = await postJson(config.url, body, io, [config.url, config.secret ?? '']);
    return receiptOf(answer, io.now(), readAnswer, classifyLark);
  },
  limits: ({ url }) => [
    { key: `${limitKey('lark', url)}:s`, capacity: 4, perMs: 1_000 },
    { key: `${limitKey('lark', url)}:m`, capacity: 90, perMs: 60_000 },
  ],
});

/** The key is time and secret together, the message is empty (reference: channel-vectors.json). Seconds, as a string. */
export function signature(secret: string | undefined, now: Date): { timestamp: string; sign: string } | Record<string, never> {
  if (!secret) return {};
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  return { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).digest('base64') };
}

function readAnswer(body: Record<string, unknown>) {
  const code = body['code'] ?? body['StatusCode'];
  return typeof code === 'number' ? { code, text: String(body['msg'] ?? body['StatusMessage'] ?? '') } : null;
}

function render(message: OutboundMessage, config: Config): Rendered<LarkPayload> {
  const words = wordingOf(message);
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, (text) => text, jsonBytesOf);
  const [keyword] = config.keywords;
  const isMissing = keyword !== undefined && !config.keywords.some((word) => `${words.title}${words.body}`.includes(word));
  const keywordLine = isMissing ? `\n${keyword}` : '';
  const room = BODY_AT_MOST_BYTES - 2_500 - jsonBytesOf(JSON.stringify(message.content.links));
  if (config.format !== 'interactive') return plainForms(message, config.format, title.text, keywordLine, room);
  const body = renderMarkdown(words.body, larkMarkup, room, jsonBytesOf);
  const cutLine = body.isCut ? `\n\n${escapeLark(words.cut)} [${escapeLark(words.open)}](${message.messageUrl})` : '';
  const button = (label: string, href: string, type: string) => ({
    tag: 'button',
    text: { tag: 'plain_text', content: label },
    type,
    behaviors: [{ type: 'open_url', default_url: href }],
  });
  const card = {
    schema: '2.0',
    config: { update_multi: true },
    header: {
      title: { tag: 'plain_text', content: title.text },
      subtitle: { tag: 'plain_text', content: words.subtitle },
      template: colours[message.severity],
    },
    body: {
      direction: 'vertical',
      elements: [
        { tag: 'markdown', content: body.text + cutLine + escapeLark(keywordLine) },
        ...message.content.links.filter(({ href }) => /^https?:/i.test(href)).map(({ label, href }) => button(label, href, 'default')),
        button(words.open, message.messageUrl, 'primary'),
      ],
    },
  };
  return { payload: { msg_type: 'interactive', card }, cut: body.isCut || title.isCut };
}

/** Nodes of a post are not parsed for tags; in a text `<at` must be broken. */
function plainForms(message: OutboundMessage, format: 'post' | 'text', title: string, keywordLine: string, room: number): Rendered<LarkPayload> {
  const words = wordingOf(message);
  const escape = format === 'text' ? (text: string) => text.replace(/<(?=\/?at)/gi, '<\u200B') : (text: string) => text;
  const body = cutEscaped(toPlainText(words.body), room, escape, jsonBytesOf);
  if (format === 'text') {
    const text = [escape(title), words.subtitle, body.text, message.messageUrl].join('\n') + keywordLine;
    return { payload: { msg_type: 'text', content: { text } }, cut: body.isCut };
  }
  const content = [
    [{ tag: 'text', text: words.subtitle }],
    [{ tag: 'text', text: body.text + keywordLine }],
    ...message.content.links.filter(({ href }) => /^https?:/i.test(href)).map(({ label, href }) => [{ tag: 'a', text: label, href }]),
    [{ tag: 'a', text: words.open, href: message.messageUrl }],
  ];
  const language = message.locale === 'zh-CN' ? 'zh_cn' : 'en_us';
  return { payload: { msg_type: 'post', content: { post: { [language]: { title, content } } } }, cut: body.isCut };
}
