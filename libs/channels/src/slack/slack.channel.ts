/** Slack: an incoming webhook, or a bot token with a channel. Facts: README.md beside this file. */
import { type Logger, LogLevel, WebClient } from '@slack/web-api';
import { z } from 'zod';
import {
  type Channel,
  type ChannelIo,
  type OutboundMessage,
  ProviderError,
  type Receipt,
  type Rendered,
} from '../channel.js';
import { fail, failure, httpFailure, retryAfterSeconds, safeText } from '../failures.js';
import { renderBlocks, toPlainText } from '../markdown.js';
import { breakSlack, escapeSlack, slackMarkup } from '../markups.js';
import { providerUrl, type UrlRules } from '../provider-url.js';
import { limitKey, postJson } from '../robot.js';
import { asIs, cutEscaped, fitLines, unitsOf } from '../text.js';
import { isWebHref, wordingOf } from '../wording.js';
import { classifySlackAnswer, classifySlackWord } from './classify.js';

const HEADER_AT_MOST = 150;
const SECTION_AT_MOST = 3_000;
/** All blocks together are refused somewhere above 13,000. */
const BODY_AT_MOST = 8_000;
const LINKS_AT_MOST = 2_000;
const FALLBACK_AT_MOST = 3_000;
const BUTTONS_AT_MOST = 5;
const BUTTON_LABEL_AT_MOST = 75;
const BUTTON_HREF_AT_MOST = 3_000;
const THROTTLED_SECONDS = 30;

const schema = (rules: UrlRules) =>
  z.union([
    z.object({ url: providerUrl('slack', rules).meta({ secret: true }) }),
    z.object({
      botToken: z
        .string()
        .regex(/^xox[a-z]-[\w-]+$/, 'expected a bot token such as xoxb-…')
        .meta({ secret: true }),
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
  send: (payload, config, io) =>
    'url' in config ? sendToWebhook(payload, config.url, io) : sendAsBot(payload, config, io),
  limits: (config) => [
    {
      key: limitKey('slack', 'url' in config ? config.url : `${config.botToken} ${config.channel}`),
      capacity: 3,
      perMs: 3_000,
    },
  ],
});

async function sendToWebhook(payload: SlackPayload, url: string, io: ChannelIo): Promise<Receipt> {
  const answer = await postJson(url, payload, io, [url]);
  // Success is exactly this; a 200 with another body is not (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
  if (answer.status === 200 && answer.text.trim() === 'ok')
    return { status: 200, providerCode: 'ok', providerMessage: 'ok' };
  fail(classifySlackAnswer(answer, io.now()));
}

interface Bot {
  readonly botToken: string;
  readonly channel: string;
}

async function sendAsBot(payload: SlackPayload, { botToken, channel }: Bot, io: ChannelIo): Promise<Receipt> {
  const client = new WebClient(botToken, {
    fetch: guardedFetch(io),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    logger: silent,
  });
  try {
    const answer = await client.chat.postMessage({ ...payload, channel, link_names: false, parse: 'none' } as never);
    return { status: 200, providerCode: 'ok', providerMessage: answer.ts ?? '' };
  } catch (error) {
    throw botFailure(error);
  }
}

/** The attempt's own limit, and a Retry-After that the client can read: it takes whole seconds only. */
const guardedFetch =
  ({ http, signal, now }: ChannelIo): typeof fetch =>
  async (input, init) => {
    const answer = await http.fetch(input, { ...init, signal });
    if (answer.status !== 429) return answer;
    const headers = { 'retry-after': answer.headers.get('retry-after') ?? '' };
    const seconds = retryAfterSeconds({ status: 429, headers, text: '' }, now()) ?? THROTTLED_SECONDS;
    return new Response(null, { status: 429, headers: { 'retry-after': String(Math.max(1, seconds)) } });
  };

/** What the client's errors have, each kind some of it. */
interface SlackFault {
  readonly code?: string;
  readonly data?: { readonly error?: unknown };
  readonly retryAfter?: number;
  readonly statusCode?: number;
  readonly original?: unknown;
}

function botFailure(error: unknown): ProviderError {
  const { code, data, retryAfter, statusCode, original } = error as SlackFault;
  if (original instanceof ProviderError) return original;
  if (code === 'slack_webapi_rate_limited_error') {
    const stated = { retryAfterSeconds: Number(retryAfter), retryAfterStated: true };
    return new ProviderError(failure('throttled', 'ratelimited', { status: 429, ...stated }));
  }
  if (code === 'slack_webapi_platform_error') {
    const word = String(data?.error ?? '');
    // A page, which the client takes for an error's name.
    if (!/^\w+$/.test(word)) return unreadable(false);
    const found = classifySlackWord(word) ?? failure('unknown', '', { attemptsAtMost: 3 });
    return new ProviderError({
      ...found,
      providerCode: word || 'unknown_error',
      providerMessage: safeText(word),
      status: 200,
    });
  }
  if (code === 'slack_webapi_http_error') {
    return new ProviderError(httpFailure({ status: Number(statusCode), headers: {}, text: '' }, new Date(0)));
  }
  return unreadable(true);
}

/** Taken or not. */
function unreadable(ambiguous: boolean): ProviderError {
  return new ProviderError(failure('provider-down', 'UNEXPECTED_ANSWER', { ambiguous }));
}

/** A channel doesn't log. */
const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
};

function render(message: OutboundMessage): Rendered<SlackPayload> {
  const words = wordingOf(message);
  const header = cutEscaped(words.title, HEADER_AT_MOST, asIs, unitsOf);
  const body = renderBlocks(words.body, slackMarkup, BODY_AT_MOST, unitsOf, SECTION_AT_MOST);
  const isButton = (href: string) => href.length <= BUTTON_HREF_AT_MOST;
  const buttons = words.links.filter((link) => isWebHref(link) && isButton(link.href)).slice(0, BUTTONS_AT_MOST - 1);
  // What is no button is a line of the body.
  const others = words.links.filter((link) => !buttons.includes(link));
  const allLines = others.map(({ label, href }) => slackMarkup.link(breakSlack(label), href));
  const lines = fitLines(allLines, LINKS_AT_MOST, unitsOf);
  const cut = body.isCut || header.isCut || lines.length < allLines.length;
  const more = cut ? [`${escapeSlack(words.cut)} <${message.messageUrl}|${escapeSlack(words.open)}>`] : [];
  const button = (label: string, url: string) => ({
    type: 'button',
    text: { type: 'plain_text', text: cutEscaped(label, BUTTON_LABEL_AT_MOST, asIs, unitsOf).text, emoji: false },
    url,
  });
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: header.text, emoji: false } },
    { type: 'context', elements: [{ type: 'plain_text', text: words.subtitle, emoji: false }] },
    ...sections([...body.blocks, ...lines, ...more]).map((text) => ({
      type: 'section',
      text: { type: 'mrkdwn', text, verbatim: true },
    })),
    {
      type: 'actions',
      elements: [...buttons.map(({ label, href }) => button(label, href)), button(words.open, message.messageUrl)],
    },
  ];
  const fallback = cutEscaped(`${words.title}\n${toPlainText(words.body)}`, FALLBACK_AT_MOST, breakSlack, unitsOf);
  return { payload: { text: fallback.text, blocks, unfurl_links: false, unfurl_media: false }, cut };
}

/** As few texts as hold all parts, none above the limit of a section. */
function sections(parts: readonly string[]): string[] {
  const made: string[] = [];
  for (const part of parts) {
    const last = made.at(-1);
    const joined = last === undefined ? part : `${last}${slackMarkup.paragraphs}${part}`;
    if (last !== undefined && joined.length <= SECTION_AT_MOST) made[made.length - 1] = joined;
    else made.push(part);
  }
  return made;
}
