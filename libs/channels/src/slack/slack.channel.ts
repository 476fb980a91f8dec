/** Slack: an incoming webhook, or a bot token with a channel. Facts: README.md beside this file. */
import { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { type Channel, type ChannelIo, type OutboundMessage, ProviderError, type Receipt, type Rendered } from '../channel.js';
import { fail, failure, safeText } from '../failures.js';
import { connectionFailure } from '../http-io.js';
import { renderMarkdown, toPlainText } from '../markdown.js';
import { escapeSlack, slackMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson } from '../robot.js';
import { cutCharacters } from '../text.js';
import { wordingOf } from '../wording.js';
import { classifySlackAnswer, classifySlackWord } from './classify.js';

const HEADER_AT_MOST = 150;
const SECTION_AT_MOST = 3_000;
const SECTIONS_AT_MOST = 3;
const FALLBACK_AT_MOST = 3_000;
const BUTTONS_AT_MOST = 5;

const schema = (rules: UrlRules) =>
  z.union([
    z.object({ url: providerUrl('slack', rules).meta({ secret: true }) }),
    z.object({
      botToken: z.string().regex(/^xox[a-z]-[\w-]+$/, 'expected a bot token such as xoxb-…').meta({ secret: true }),
      channel: z.string().min(1).max(80),
    }),
  ]);
type Config = z.infer<ReturnType<typeof schema>>;

export interface SlackPayload {
  readonly text: string;
  readonly blocks: readonly Record<string, unknown>[];
  readonly unfurl_links: false;
  readonly unfurl_media: false;
}

export const makeSlackChannel = (rules: UrlRules): Channel<Config, SlackPayload> => ({
  id: 'slack',
  config: schema(rules),
  render,
  send: (payload, config, io) => ('url' in config ? sendToWebhook(payload, config.url, io) : sendAsBot(payload, config, io)),
  limits: (config) => [
    { key: limitKey('slack', 'url' in config ? config.url : `${config.botToken} ${config.channel}`), capacity: 3, perMs: 3_000 },
  ],
});

async function sendToWebhook(payload: SlackPayload, url: string, io: ChannelIo): Promise<Receipt> {
  const answer = await postJson(url, payload, io, [url]);
  // Success is exactly this; a 200 with another body is not (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
  if (answer.status === 200 && answer.text.trim() === 'ok') return { status: 200, providerCode: 'ok', providerMessage: 'ok' };
  fail(classifySlackAnswer(answer, io.now()));
}

async function sendAsBot(payload: SlackPayload, { botToken, channel }: { botToken: string; channel: string }, io: ChannelIo): Promise<Receipt> {
  const client = new WebClient(botToken, {
    fetch: io.http.fetch,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
  } as never);
  try {
    const answer = await Promise.race([
      client.chat.postMessage({ ...payload, channel, link_names: false, parse: 'none' } as never),
      new Promise<never>((_, reject) => io.signal.addEventListener('abort', () => reject(io.signal.reason), { once: true })),
    ]);
    return { status: 200, providerCode: 'ok', providerMessage: String((answer as { ts?: string }).ts ?? '') };
  } catch (error) {
    throw botFailure(error);
  }
}

function botFailure(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const { code, data, retryAfter, statusCode, original } = error as Record<string, any>;
  if (code === 'slack_webapi_rate_limited_error') {
    return new ProviderError(failure('throttled', 'ratelimited', { status: 429, retryAfterSeconds: retryAfter ?? 30, retryAfterStated: retryAfter !== undefined }));
  }
  if (code === 'slack_webapi_platform_error') {
    const word = String(data?.error ?? '');
    const found = classifySlackWord(word) ?? failure('unknown', '', { attemptsAtMost: 3 });
    return new ProviderError({ ...found, providerCode: word || 'unknown_error', providerMessage: safeText(word), status: 200 });
  }
  if (code === 'slack_webapi_http_error') {
    return new ProviderError(failure(statusCode >= 500 ? 'provider-down' : 'unknown', `HTTP ${statusCode}`, { status: statusCode }));
  }
  if (original instanceof ProviderError) return original;
  return connectionFailure(original ?? error, 'slack.com');
}

function render(message: OutboundMessage): Rendered<SlackPayload> {
  const words = wordingOf(message);
  const header = cutCharacters(words.title, HEADER_AT_MOST);
  const body = renderMarkdown(words.body, slackMarkup, SECTION_AT_MOST * SECTIONS_AT_MOST - 400, (text) => text.length);
  const sections = split(body.text).map((text) => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } }));
  const cutLine = body.isCut
    ? [{ type: 'section', text: { type: 'mrkdwn', text: `${escapeSlack(words.cut)} <${message.messageUrl}>`, verbatim: true } }]
    : [];
  const button = (label: string, url: string) => ({
    type: 'button',
    text: { type: 'plain_text', text: cutCharacters(label, 75).text, emoji: false },
    url,
  });
  const links = message.content.links.filter(({ href }) => /^https?:/i.test(href)).slice(0, BUTTONS_AT_MOST - 1);
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: header.text, emoji: false } },
    { type: 'context', elements: [{ type: 'plain_text', text: words.subtitle, emoji: false }] },
    ...sections,
    ...cutLine,
    { type: 'actions', elements: [...links.map(({ label, href }) => button(label, href)), button(words.open, message.messageUrl)] },
  ];
  const fallback = escapeSlack(cutCharacters(`${words.title}\n${toPlainText(words.body)}`, FALLBACK_AT_MOST / 2).text);
  return { payload: { text: fallback, blocks, unfurl_links: false, unfurl_media: false }, cut: body.isCut || header.isCut };
}

/** Into sections that fit, at the ends of lines where there are any. */
function split(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > SECTION_AT_MOST) {
    const at = rest.lastIndexOf('\n', SECTION_AT_MOST);
    const end = at > SECTION_AT_MOST / 2 ? at : SECTION_AT_MOST - 2;
    parts.push(rest.slice(0, end).toWellFormed());
    rest = rest.slice(end).replace(/^\n+/, '');
  }
  return rest === '' ? parts : [...parts, rest];
}
