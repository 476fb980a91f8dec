/** Lark and Feishu custom bot: one protocol, two hosts. Facts: README.md beside this file. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Channel, OutboundMessage, Rendered } from '../channel.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { breakMentions, escapeLark, larkMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson, receiptOf } from '../robot.js';
import { asIs, bytesOf, cutEscaped, fitLines, jsonBytesOf } from '../text.js';
import { isWebHref, missingKeyword, wordingOf } from '../wording.js';
import { classifyLark } from './classify.js';

/** The provider refuses requests over 20 KB; the signature comes on top of what is rendered. */
const REQUEST_AT_MOST_BYTES = 19_000;
const TITLE_AT_MOST_BYTES = 600;
const colours = { info: 'blue', warning: 'orange', critical: 'red' } as const;

const schema = (rules: UrlRules) =>
  z.object({
    url: providerUrl('lark', rules).meta({ secret: true }),
    secret: z.string().trim().min(1).optional().meta({ secret: true }),
    keywords: z.array(z.string().min(1)).default([]),
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

/** The key is time and secret together, the message is empty (vectors: fixtures/channel-vectors.json). Seconds, as a string. */
export function signature(
  secret: string | undefined,
  now: Date,
): { timestamp: string; sign: string } | Record<string, never> {
  if (!secret) return {};
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  return { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).digest('base64') };
}

function readAnswer(body: Record<string, unknown>) {
  const code = body['code'] ?? body['StatusCode'];
  return typeof code === 'number' ? { code, text: String(body['msg'] ?? body['StatusMessage'] ?? '') } : null;
}

function render(message: OutboundMessage, config: Config): Rendered<LarkPayload> {
  return config.format === 'interactive' ? card(message, config) : plainForm(message, config, config.format);
}

function card(message: OutboundMessage, { keywords }: Config): Rendered<LarkPayload> {
  const words = wordingOf(message);
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, asIs, jsonBytesOf);
  const cutLine = `\n\n${escapeLark(words.cut)} ${larkMarkup.link(escapeLark(words.open), message.messageUrl)}`;
  const button = (label: string, href: string, type: string) => ({
    tag: 'button',
    text: { tag: 'plain_text', content: label },
    type,
    behaviors: [{ type: 'open_url', default_url: href }],
  });
  const payloadOf = (content: string, links: readonly object[]): LarkPayload => ({
    msg_type: 'interactive',
    card: {
      schema: '2.0',
      config: { update_multi: true },
      header: {
        title: { tag: 'plain_text', content: title.text },
        subtitle: { tag: 'plain_text', content: words.subtitle },
        template: colours[message.severity],
      },
      body: {
        direction: 'vertical',
        elements: [{ tag: 'markdown', content }, ...links, button(words.open, message.messageUrl, 'primary')],
      },
    },
  });
  const reserved = `\n\n${escapeLark(keywords[0] ?? '')}${cutLine}`;
  const room = REQUEST_AT_MOST_BYTES - bytesOf(JSON.stringify(payloadOf(reserved, [])));
  const allButtons = words.links
    .filter(isWebHref)
    .map(({ label, href }) => JSON.stringify(button(label, href, 'default')));
  const buttons = fitLines(allButtons, room / 2, (line) => bytesOf(`${line},`));
  // A button opens pages only.
  const mailLinks = words.links.filter((link) => !isWebHref(link));
  const allLines = mailLinks.map(({ label, href }) => `\n\n${larkMarkup.link(escapeLark(label), href)}`);
  const lines = fitLines(allLines, room / 4, jsonBytesOf);
  const left = room - bytesOf(buttons.join(',,')) - jsonBytesOf(lines.join(''));
  const body = renderMarkdown(words.body, larkMarkup, left, jsonBytesOf);
  const cut = body.isCut || title.isCut || buttons.length < allButtons.length || lines.length < allLines.length;
  const content = body.text + lines.join('') + (cut ? cutLine : '');
  // Robots look for their keyword in what is shown: an escaped one would not be found.
  const keyword = missingKeyword(keywords, `${title.text}\n${words.subtitle}\n${content}`);
  const shown = keyword === null ? content : `${content}\n\n${keyword}`;
  return {
    payload: payloadOf(
      shown,
      buttons.map((line) => JSON.parse(line) as object),
    ),
    cut,
  };
}

/** Without markup: there only `<at` is read, and broken. */
function plainForm(message: OutboundMessage, { keywords }: Config, format: 'post' | 'text'): Rendered<LarkPayload> {
  const words = wordingOf(message);
  const title = cutEscaped(words.title, TITLE_AT_MOST_BYTES, breakMentions, jsonBytesOf);
  const language = message.locale === 'zh-CN' ? 'zh_cn' : 'en_us';
  const links = [...words.links.filter((link) => format === 'text' || isWebHref(link))];
  const open = { label: words.open, href: message.messageUrl };
  const payloadOf = (parts: readonly string[], shown: typeof links): LarkPayload => {
    if (format === 'text') {
      const lines = [title.text, ...parts, ...shown.map(({ label, href }) => `${breakMentions(label)}: ${href}`)];
      return { msg_type: 'text', content: { text: lines.join('\n') } };
    }
    const content = [
      ...parts.map((text) => [{ tag: 'text', text }]),
      ...shown.map(({ label, href }) => [{ tag: 'a', text: breakMentions(label), href }]),
    ];
    return { msg_type: 'post', content: { post: { [language]: { title: title.text, content } } } };
  };
  const sizeOf = (parts: readonly string[], shown: typeof links) => bytesOf(JSON.stringify(payloadOf(parts, shown)));
  const fixed = sizeOf([words.subtitle, '', words.cut, keywords[0] ?? ''], [open]);
  const room = REQUEST_AT_MOST_BYTES - fixed;
  const fitting = fitLines(
    links.map((link) => JSON.stringify(link)),
    room / 2,
    (line) => bytesOf(line) + 30,
  ).length;
  const shown = links.slice(0, fitting);
  const left = room - (sizeOf([], [...shown, open]) - sizeOf([], [open]));
  const body = cutEscaped(toPlainText(words.body), left, breakMentions, jsonBytesOf);
  const cut = body.isCut || title.isCut || fitting < links.length;
  const parts = [words.subtitle, body.text, ...(cut ? [words.cut] : [])];
  const keyword = missingKeyword(keywords, [title.text, ...parts].join('\n'));
  return { payload: payloadOf(keyword === null ? parts : [...parts, keyword], [...shown, open]), cut };
}
