/** WeCom group robot. Facts: README.md beside this file. */
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { breakMarkup, breakMentions, wecomMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { bytesOf, cutEscaped, fitLines } from '../text.js';
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
      .preprocess(
        (given) =>
          typeof given === 'string' && KEY.test(given.trim())
            ? `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${given.trim()}`
            : given,
        providerUrl('wecom', rules),
      )
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
  limits: ({ url }) => [
    { key: limitKey('wecom', new URL(url).searchParams.get('key') ?? url), capacity: 18, perMs: 60_000 },
  ],
});

function readAnswer(body: Record<string, unknown>) {
  return typeof body['errcode'] === 'number'
    ? { code: body['errcode'], text: withoutEgress(String(body['errmsg'] ?? '')) }
    : null;
}

function render(message: OutboundMessage, config: Config): Rendered<WecomPayload> {
  const words = wordingOf(message);
  const isText = config.format === 'text';
  const atMost = isText ? TEXT_AT_MOST_BYTES : MARKDOWN_AT_MOST_BYTES;
  const asText = isText ? breakMentions : breakMarkup;
  const link = isText ? (label: string, href: string) => `${label}: ${href}` : wecomMarkup.link;
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, asText);
  const colour = { info: 'info', warning: 'warning', critical: 'warning' }[message.severity];
  const head = isText
    ? `${title.text}\n${asText(words.subtitle)}\n`
    : `### ${title.text}\n> <font color="${colour}">${asText(words.subtitle)}</font>\n`;
  const open = `\n${link(words.open, message.messageUrl)}`;
  const cutLine = `\n${words.cut}${open}`;
  const room = atMost - bytesOf(head + cutLine);
  const allLinks = words.links.map(({ label, href }) => `\n${link(asText(label), href)}`);
  const links = fitLines(allLinks, room / 2, bytesOf);
  const left = room - bytesOf(links.join(''));
  const body = isText
    ? cutEscaped(toPlainText(words.body), left, asText)
    : renderMarkdown(words.body, wecomMarkup, left);
  const cut = body.isCut || title.isCut || links.length < allLinks.length;
  const content = head + body.text + links.join('') + (cut ? cutLine : open);
  return {
    payload: isText ? { msgtype: 'text', text: { content } } : { msgtype: 'markdown', markdown: { content } },
    cut,
  };
}
